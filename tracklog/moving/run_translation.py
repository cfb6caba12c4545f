"""Runs of a store as events: how each was made, what was logged to it, how it ended."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from schemas.events import (
    Param,
    RunCreated,
    RunDataLogged,
    RunDeleted,
    RunInputsLogged,
    RunOutputsLogged,
    RunTagDeleted,
    RunUpdated,
    Tag,
)
from schemas.mlflow import NEW_RUN_STATUS, RUN_NAME_TAG, RUN_STATUSES
from tracklog.moving.experiment_translation import ExperimentTranslation
from tracklog.moving.facts import LAST_MS, Facts, Made
from tracklog.moving.records import PointsRecord, RunRecord

T = TypeVar("T")

TEXT_PER_EVENT: Final = 200_000
"""Characters of params or tags that go into one event: Kafka takes messages of 1 MB."""


class RunTranslation:
    """One run at a time: it is begun, its points come, it is ended. `made` are the ids of all."""

    def __init__(self, facts: Facts, experiments: ExperimentTranslation) -> None:
        self._facts = facts
        self._event = facts.event
        self._report = facts.report
        self._lost = facts.lost
        self._experiments = experiments
        self.made: set[str] = set()
        self._run: RunRecord | None = None  # whose points come now
        self._points_at = 0
        self._datasets: set[tuple[int, str, str]] = set()  # experiment here, name, digest

    def begin(self, record: RunRecord) -> Iterator[Made]:
        about = f"run\0{record.run_id}"
        self._points_at = 0
        if reason := self._refused(record, about):
            self._leave(record, reason)
            return
        yield from self._experiments.ensure(record.experiment_key, record.where, record.start_time_ms)
        self.made.add(record.run_id)
        self._run = record
        experiment_id = self._experiments.id_of(record.experiment_key)
        time_ms = self._started_ms(record)
        tagged_name = next((tag.value for tag in record.tags if tag.key == RUN_NAME_TAG), None)
        if record.name and tagged_name and tagged_name != record.name:
            what = f"its tag {RUN_NAME_TAG} says {tagged_name!r:.100} and not its name {record.name!r:.100}"
            self._report.odd("runs", record.where, what)
        if record.start_time_ms is None:
            self._report.odd("runs", record.where, "nothing says when it started: 1970")
        tags, more_tags = _by_size(record.tags)
        payload = RunCreated(
            run_id=record.run_id,
            experiment_id=experiment_id,
            name=record.name or tagged_name or "",
            user_id=record.user_id,
            start_time_ms=record.start_time_ms or 0,
            artifact_uri=self._facts.folder(
                record.artifact_uri,
                f"{experiment_id}/{record.run_id}/artifacts",
                "artifacts of runs",
                record.where,
            ),
            tags=[tag for tag in tags if tag.key != RUN_NAME_TAG],
            experiment_revision=self._experiments.revision(record.experiment_key),
        )
        yield from self._event(f"{about}\0created", payload, time_ms, {"runs": 1, "tags": len(tags)}, record.where)
        if tagged_name is None:
            # A run is created with its name as a tag, which this one does not have.
            yield from self._event(
                f"{about}\0no-name-tag", RunTagDeleted(run_id=record.run_id, key=RUN_NAME_TAG), time_ms
            )
        yield from self._texts(record, more_tags, time_ms)
        yield from self._inputs_and_outputs(record, time_ms)

    def _once(self, found: Iterable[T], key: Callable[[T], str], kind: str, where: str) -> list[T]:
        """Of those with one key the first: a second one would be refused, and all with it."""
        first: dict[str, T] = {}
        for one in found:
            if first.setdefault(key(one), one) is not one:
                self._lost(kind, where, f"left: {key(one)!r:.100} is there a second time", 1)
        return list(first.values())

    def _refused(self, record: RunRecord, about: str) -> str | None:
        """Why a run is left where it is, None where it is not."""
        if not record.run_id:
            return "it has no id"
        if record.run_id in self.made:
            return f"the run {record.run_id} is in this source a second time"
        if record.run_id in self._facts.target.runs and not self._facts.is_there(f"{about}\0created"):
            return f"a run {record.run_id} was there before that nobody imported"
        return None

    def _leave(self, record: RunRecord, reason: str) -> None:
        self._run = None
        self._report.odd("runs", record.where, f"left: {reason}", 1)
        for kind, number in (
            ("params", len(record.params)),
            ("tags", len(record.tags)),
            ("dataset inputs", len(record.datasets)),
            ("tags of dataset inputs", sum(len(one.tags) for one in record.datasets)),
            ("model inputs", len(record.model_inputs)),
            ("model outputs", len(record.outputs)),
        ):
            self._lost(kind, record.where, "of a run that is left", number)

    def _started_ms(self, record: RunRecord) -> int:
        started_ms = record.start_time_ms
        return started_ms if started_ms and started_ms > 0 else self._experiments.created_ms(record.experiment_key)

    def _texts(self, record: RunRecord, tags: Sequence[Tag], time_ms: int) -> Iterator[Made]:
        about = f"run\0{record.run_id}"
        params: Sequence[Param] = self._once(record.params, lambda one: one.key, "params", record.where)
        number = 0
        while params or tags:
            some_params, params = _by_size(params)
            some_tags, tags = _by_size(tags)
            payload = RunDataLogged(run_id=record.run_id, params=list(some_params), tags=list(some_tags))
            counted = {"params": len(some_params), "tags": len(some_tags)}
            yield from self._event(f"{about}\0texts\0{number}", payload, time_ms, counted, record.where)
            number += 1

    def _inputs_and_outputs(self, record: RunRecord, time_ms: int) -> Iterator[Made]:
        about = f"run\0{record.run_id}"
        for number, dataset in enumerate(record.datasets):
            inputs = RunInputsLogged(run_id=record.run_id, datasets=[dataset])
            key = (self._experiments.id_of(record.experiment_key), dataset.name, dataset.digest)
            counted = {
                "datasets": 0 if key in self._datasets else 1,
                "dataset inputs": 1,
                "tags of dataset inputs": len(dataset.tags),
            }
            self._datasets.add(key)
            yield from self._event(f"{about}\0dataset\0{number}", inputs, time_ms, counted, record.where)
        if record.model_inputs:
            inputs = RunInputsLogged(run_id=record.run_id, model_ids=list(record.model_inputs))
            counted = {"model inputs": len(record.model_inputs)}
            yield from self._event(f"{about}\0models", inputs, time_ms, counted, record.where)
        if record.outputs:
            models = self._once(record.outputs, lambda one: one.model_id, "model outputs", record.where)
            outputs = RunOutputsLogged(run_id=record.run_id, models=models)
            counted = {"model outputs": len(models)}
            yield from self._event(f"{about}\0outputs", outputs, time_ms, counted, record.where)

    def points(self, record: PointsRecord) -> Iterator[Made]:
        number = sum(len(one.value) for one in record.metrics)
        if self._run is None:
            self._lost("metric points", f"run {record.run_id}", "of a run that is left", number)
            return
        if not number:
            return
        payload = RunDataLogged(run_id=record.run_id, metrics=list(record.metrics))
        about = f"run\0{record.run_id}\0points\0{self._points_at}"
        self._points_at += 1
        newest_ms = max(max(one.timestamp_ms) for one in record.metrics)
        time_ms = newest_ms if 0 < newest_ms <= LAST_MS else self._started_ms(self._run)
        yield from self._event(about, payload, time_ms, {"metric points": number}, self._run.where)

    def end(self) -> Iterator[Made]:
        """What became of the run whose points were the last ones."""
        record, self._run = self._run, None
        if record is None:
            return
        about = f"run\0{record.run_id}"
        time_ms = self._started_ms(record)
        if record.status not in RUN_STATUSES.values():
            self._report.odd("runs", record.where, f"its status {record.status!r:.50} is no word that is known")
        if record.status != NEW_RUN_STATUS or record.end_time_ms is not None:
            updated = RunUpdated(run_id=record.run_id, status=record.status or None, end_time_ms=record.end_time_ms)
            yield from self._event(f"{about}\0updated", updated, max(record.end_time_ms or 0, time_ms))
        if record.deleted:
            revision = self._experiments.revision(record.experiment_key)
            deleted = RunDeleted(run_id=record.run_id, experiment_revision=revision)
            deleted_ms = record.deleted_time_ms or record.end_time_ms or time_ms
            yield from self._event(f"{about}\0deleted", deleted, deleted_ms)


def _by_size(texts: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """The first of some params or tags that fit in one event, at least one of them, and the others."""
    size = 0
    for number, one in enumerate(texts):
        size += len(one.key) + len(one.value) + 24
        if size > TEXT_PER_EVENT and number:
            return texts[:number], texts[number:]
    return texts, ()
