"""A shadow: rounds in which what is new in the source becomes events, each round bounded whatever the source holds."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, TypeVar

import msgspec
import orjson

from schemas import codec
from schemas.envelope import EventClock, EventData, importer_from
from schemas.event_json import event_document, event_id_text, values_of_document
from schemas.events import (
    AnyEvent,
    ExperimentDeleted,
    LoggedModelDeleted,
    MetricSeries,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RunDataLogged,
    RunDeleted,
)
from tracklog.moving.experiment_translation import ExperimentTranslation
from tracklog.moving.facts import LAST_MS, Facts, Made
from tracklog.moving.logged_model_translation import LoggedModelTranslation
from tracklog.moving.records import (
    ExperimentRecord,
    LoggedModelRecord,
    PointsRecord,
    RegisteredRecord,
    RunRecord,
)
from tracklog.moving.registry_translation import RegistryTranslation
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.run_translation import RunTranslation
from tracklog.moving.target import SHADOW, Target
from tracklog.shadowing import changes
from tracklog.shadowing.source import Source
from tracklog.shadowing.state import Outgoing, ShadowState

RUNS_PER_ROUND: Final = 500
"""Runs that are read with all that is theirs: a tenth of a second."""

POINTS_PER_ROUND: Final = 50_000

_POINTS_EVENTS_PER_ROUND: Final = 100
"""Of runs that are looked at, each of up to 8,192 points. The others are looked at in the next round."""

SWEPT_PER_ROUND: Final = 250
"""Runs that are looked at though nothing hints at a change: 100,000 of them take 14 minutes in rounds of 2 s."""

HOT_S: Final = 600.0
HOT_PER_ROUND: Final = 200
"""Runs in which something happened lately are looked at in every round, the newest first: where tags are set again."""

WHOLE_EVERY: Final = 30
"""In one of so many rounds models and the registry are read though nothing hints at a change."""

_FIRST_POINTS: Final = "first points"
"""Noted when those that were there before the first round are known: only then come those after them."""

_PLACED: Final = {"params": "run_uuid", "tags": "run_uuid", "inputs": "destination_id"}
"""Tables whose new rows hint at runs, and the column that names these."""

T = TypeVar("T")


class Follower:
    """Follows one source into one Tracklog. What is odd is in `report`."""

    def __init__(self, source: Source, state: ShadowState, target: Target, roots: Roots, report: Report) -> None:
        """`target`: what the Tracklog held before the first round of all; it is not looked at again."""
        self._source = source
        self._state = state
        self._report = report
        facts = self._facts = Facts(target, roots, report)
        self._experiments = ExperimentTranslation(facts)
        self._runs = RunTranslation(facts, self._experiments)
        self._models = LoggedModelTranslation(facts, self._experiments, self._runs)
        self._registry = RegistryTranslation(facts)
        self._actor = importer_from(report.source)
        self._clock = EventClock()
        self._outgoing: list[Outgoing] = []
        self._version: int | None = None
        self._rounds = 0
        self._marks = state.marks("run")
        self._wanted: dict[str, None] = {}  # runs to be read, in order
        self._hot: dict[str, float] = {}  # and when something happened in them
        self._sweep: list[str] = []
        self._swept_since = -1  # the version of the source when the sweep began that is under way
        self._points_wait = False  # in the source, more than a round takes
        self.has_swept = False
        """Whether every run has been looked at since this began."""
        self._signatures: dict[str, str] = {}
        for key, content in state.contents("experiment"):
            experiment_id, record = _decode(content, tuple[int, ExperimentRecord])
            self._experiments.remember(key, experiment_id, record.creation_time_ms or 0)
        self._runs.made.update(self._marks)

    def round(self) -> bool:
        """Put what is new into the outbox; whether there is more already. Raises what reading the source raises."""
        version = self._source.version()
        moved = version != self._version
        if not moved and not self._sweep and not self._wanted and not self._points_wait:
            return False
        self._rounds += 1
        self._version = version
        ends: list[tuple[ExperimentRecord, ExperimentRecord]] = []
        if self._source.brings_first_points_by_run and not self._place("metrics"):
            self._state.note("place of metrics", str(self._source.end_of("metrics")))  # before any run is seen
        if moved:
            ends = self._follow_experiments()
            self._look_at_runs()
            if self._swept_since != version and not self._sweep:
                self._sweep, self._swept_since = sorted(self._marks, reverse=True), version
        swept = [self._sweep.pop() for _ in range(min(SWEPT_PER_ROUND, len(self._sweep)))]
        self._follow_runs([*self._some_wanted(), *swept])
        self._points_wait = self._follow_points()
        self._check_counts(swept)
        if moved:
            self._follow_logged_models()
            self._follow_registered_models()
        for old, new in ends:
            self._put_all(
                changes.end_of_experiment(self._experiments.id_of(new.key), old, new), new.last_update_time_ms
            )
        self._state.send(self._outgoing)
        self._outgoing = []
        self._state.commit()
        self._facts.target.imported.clear()  # each thing is translated once; what was, is in the state
        self.has_swept = self.has_swept or not self._sweep
        return bool(self._points_wait or self._wanted)

    # --- experiments ----------------------------------------------------------------------------------------------

    def _follow_experiments(self) -> list[tuple[ExperimentRecord, ExperimentRecord]]:
        """Returns the states of those that ended, which is told when what happened in them before is."""
        ends = []
        there = set()
        for record in self._source.experiments():
            there.add(record.key)
            content = self._state.content("experiment", record.key)
            if content is None:
                self._put_made(self._experiments.events(record))
            else:
                experiment_id, old = _decode(content, tuple[int, ExperimentRecord])
                if old == record:
                    continue
                self._put_all(changes.of_experiment(experiment_id, old, record), record.last_update_time_ms)
                ends.append((old, record))
            kept = msgspec.msgpack.encode((self._experiments.id_of(record.key), record))
            self._state.keep("experiment", record.key, kept)
        for key, content in list(self._state.contents("experiment")):
            if key not in there:
                experiment_id, old = _decode(content, tuple[int, ExperimentRecord])
                self._is_gone("experiments", key)
                if not old.deleted:
                    self._put(ExperimentDeleted(experiment_id=experiment_id))
                self._state.forget("experiment", key)
        return ends

    # --- runs -----------------------------------------------------------------------------------------------------

    def _look_at_runs(self) -> None:
        """Find runs of which something hints that they changed."""
        found: dict[str, None] = {}
        there: set[str] = set()
        for run_id, mark in self._source.glance():
            there.add(run_id)
            if self._marks.get(run_id) != mark:
                found[run_id] = None
                self._marks[run_id] = mark
        for run_id in [one for one in self._marks if one not in there]:
            self._is_gone("runs", run_id)
            content = self._state.content("run", run_id)
            if content is not None and not _decode(content, RunRecord).deleted:
                self._put(RunDeleted(run_id=run_id))
            self._state.forget("run", run_id)
            self._state.forget("points", run_id)
            del self._marks[run_id]
        for table, column in _PLACED.items():
            before, end = self._place(table), self._source.end_of(table)
            if end != before:
                owners = self._source.owners(table, column, min(before, end), end)
                if table == "inputs":
                    owners |= self._source.owners(table, "source_id", min(before, end), end)
                found |= dict.fromkeys(one for one in owners if one in there)
                self._state.note(f"place of {table}", str(end))
        now_s = time.monotonic()
        self._hot = {run_id: since for run_id, since in self._hot.items() if now_s - since < HOT_S and run_id in there}
        hot = list(self._hot)[-HOT_PER_ROUND:]
        self._heat(found)
        self._wanted |= found
        self._wanted |= dict.fromkeys(hot)

    def _heat(self, run_ids: Iterable[str]) -> None:
        now_s = time.monotonic()
        for run_id in run_ids:
            self._hot.pop(run_id, None)
            self._hot[run_id] = now_s
        while len(self._hot) > 10 * HOT_PER_ROUND:
            del self._hot[next(iter(self._hot))]

    def _some_wanted(self) -> list[str]:
        some = [run_id for run_id, _ in zip(self._wanted, range(RUNS_PER_ROUND), strict=False)]
        for run_id in some:
            del self._wanted[run_id]
        return some

    def _follow_runs(self, run_ids: list[str]) -> None:
        if not run_ids:
            return
        found = self._source.runs(list(dict.fromkeys(run_ids)))
        for run_id, record in found.items():
            content = self._state.content("run", run_id)
            if content is None:
                self._runs.made.discard(run_id)
                self._put_made(self._runs.begin(record))
                self._put_made(self._runs.end())
            else:
                old = _decode(content, RunRecord)
                if old == record:
                    continue
                self._put_all(changes.of_run(old, record), record.deleted_time_ms if record.deleted else None)
            mark = self._marks.setdefault(run_id, 0)
            self._state.keep("run", run_id, msgspec.msgpack.encode(record), mark)

    # --- points ---------------------------------------------------------------------------------------------------

    def _follow_points(self) -> bool:
        """Whether there are more."""
        if self._source.brings_first_points_by_run and self._state.fact(_FIRST_POINTS) is None:
            if not self.has_swept:
                return True
            self._state.note(_FIRST_POINTS, "known")
        before, end = self._place("metrics"), self._source.end_of("metrics")
        if end == before:
            return False
        if end < before:  # rows were removed at the end; the places of new ones are those of old ones
            self._state.note("place of metrics", str(end))
            self._sweep, self._swept_since = sorted(self._marks, reverse=True), -1
            return False
        records, last = self._source.points(before, POINTS_PER_ROUND)
        self._follow_runs([one.run_id for one in records if self._state.content("run", one.run_id) is None])
        self._heat({one.run_id for one in records})
        for record in records:
            self._send_points(record)
        self._state.note("place of metrics", str(last))
        return last < end

    def _send_points(self, record: PointsRecord) -> None:
        if self._state.content("run", record.run_id) is None:
            number = sum(len(one.step) for one in record.metrics)
            self._report.odd("metric points", f"of {record.run_id!r:.100}", "what it belongs to is not there", number)
            return
        known = self._points_known(record.run_id)
        newest_ms = 0
        for series in record.metrics:
            known[series.key] = known.get(series.key, 0) + len(series.step)
            newest_ms = max(newest_ms, *series.timestamp_ms)
        self._put(RunDataLogged(run_id=record.run_id, metrics=list(record.metrics)), newest_ms)
        self._state.keep("points", record.run_id, msgspec.msgpack.encode(known))

    def _points_known(self, run_id: str) -> dict[str, int]:
        content = self._state.content("points", run_id)
        return {} if content is None else _decode(content, dict[str, int])

    def _check_counts(self, run_ids: list[str]) -> None:
        """Points whose places were those of older ones once are missed by their places, and found by their number."""
        until = self._place("metrics")
        counts = self._source.counts(run_ids, until) if run_ids else {}
        before = len(self._outgoing)
        for number, run_id in enumerate(run_ids):
            if len(self._outgoing) - before >= _POINTS_EVENTS_PER_ROUND:
                self._sweep += reversed(run_ids[number:])
                break
            known, there = self._points_known(run_id), counts.get(run_id, {})
            if known == there or self._state.content("run", run_id) is None:
                continue
            for key, number in known.items():
                if there.get(key, 0) < number:
                    what = f"{number - there.get(key, 0)} were removed there, and stay here"
                    self._report.odd("metric points", f"run {run_id}, metric {key!r:.100}", what)
                    self._state.keep("points", run_id, msgspec.msgpack.encode({**known, **there}))
            passed = dict(known)
            for record in self._source.points_of(run_id, until):
                more = [rest for series in record.metrics if (rest := _after(series, passed)) is not None]
                if more:
                    self._send_points(PointsRecord(run_id, more))

    # --- models ---------------------------------------------------------------------------------------------------

    def _follow_logged_models(self) -> None:
        if not self._is_to_be_read("logged models"):
            return
        there = set()
        for record in self._source.logged_models():
            there.add(record.model_id)
            content = self._state.content("model", record.model_id)
            old = None if content is None else _decode(content, LoggedModelRecord)
            if old == record:
                continue
            if missing := {run_id for run_id, _ in record.metrics if run_id not in self._runs.made}:
                self._follow_runs(sorted(missing))
            if old is None:
                self._put_made(self._models.events(replace(record, metrics=())))
            else:
                self._put_all(changes.of_logged_model(old, record), record.last_update_time_ms)
            for event in changes.points_of_logged_model(old, record):
                if isinstance(event, RunDataLogged) and event.run_id in self._runs.made:
                    self._put(event, max(point.timestamp_ms for point in event.model_metrics))
            self._state.keep("model", record.model_id, msgspec.msgpack.encode(record))
        for model_id in [one for one in self._state.marks("model") if one not in there]:
            self._is_gone("logged models", model_id)
            content = self._state.content("model", model_id)
            if content is not None and not _decode(content, LoggedModelRecord).deleted:
                self._put(LoggedModelDeleted(model_id=model_id))
            self._state.forget("model", model_id)
        self._was_read("logged models")

    def _follow_registered_models(self) -> None:
        if not self._is_to_be_read("registered models"):
            return
        records = {one.name: one for one in self._source.registered_models()}
        known = {name: _decode(content, RegisteredRecord) for name, content in self._state.contents("registered")}
        gone = {name: old for name, old in known.items() if name not in records}
        for name, record in records.items():
            old = known.get(name)
            if old is None and (before := _renamed(record, gone)) is not None:
                renamed_ms = _time_of_rename(before, record)
                self._put(RegisteredModelRenamed(name=before.name, new_name=name), renamed_ms)
                versions = [replace(one, last_update_time_ms=renamed_ms) for one in gone.pop(before.name).versions]
                old = replace(before, name=name, versions=versions, last_update_time_ms=renamed_ms)
                self._state.forget("registered", before.name)
            elif old is not None and old.creation_time_ms != record.creation_time_ms:
                self._put(RegisteredModelDeleted(name=name))  # and made again
                self._facts.target.registered.discard(name)
                old = None
            if old == record:
                continue
            self._registered_model(old, record)
            self._state.keep("registered", name, msgspec.msgpack.encode(record))
        for name in gone:
            self._put(RegisteredModelDeleted(name=name))
            self._facts.target.registered.discard(name)
            self._state.forget("registered", name)
        self._was_read("registered models")

    def _registered_model(self, old: RegisteredRecord | None, record: RegisteredRecord) -> None:
        if old is None:
            self._put_made(self._registry.events(record))
            return
        times = {one.version: one.last_update_time_ms for one in record.versions}
        self._put_made(self._registry.more_versions(record, max((one.version for one in old.versions), default=0)))
        for event in (*changes.of_registered_model(old, record), *changes.aliases_of_registered_model(old, record)):
            own_ms = times.get(getattr(event, "version", 0))
            self._put(event, own_ms or record.last_update_time_ms)

    # --- what is sent ---------------------------------------------------------------------------------------------

    def _put_made(self, made: Iterable[Made]) -> None:
        for one in made:
            self._outgoing.append(_outgoing(one.event))

    def _put_all(self, events: Iterable[AnyEvent], time_ms: int | None) -> None:
        for event in events:
            self._put(event, time_ms)

    def _put(self, payload: AnyEvent, time_ms: int | None = None) -> None:
        """An event of what changed, at the time that the source has for it, or else now."""
        event = self._clock.stamp(payload, self._actor, SHADOW)
        if time_ms is not None and 0 < time_ms <= LAST_MS:
            event = msgspec.structs.replace(event, time_us=time_ms * 1000)
        self._outgoing.append(_outgoing(event))

    # --- the rest -------------------------------------------------------------------------------------------------

    def _place(self, table: str) -> int:
        return int(self._state.fact(f"place of {table}") or 0)

    def _is_to_be_read(self, part: str) -> bool:
        """Also in the first round of a process."""
        signature = self._signatures[part] = self._source.signature(part)
        return self._state.fact(f"signature of {part}") != signature or self._rounds % WHOLE_EVERY == 1

    def _was_read(self, part: str) -> None:
        """What was written while it was read may be in what was read or not: then it is read once more."""
        signature = self._signatures[part]
        self._state.note(f"signature of {part}", signature if self._source.signature(part) == signature else "")

    def _is_gone(self, kind: str, identity: str) -> None:
        self._report.odd(kind, f"{kind}, {identity!r:.100}", "was removed there; here it is deleted")


def _outgoing(event: EventData) -> Outgoing:
    data, kind = codec.encode(event.payload), event.payload
    document = event_document(
        *(event_id_text(event.id), kind.event_type, kind.event_version, event.time_us),
        *(event.actor, event.request_id, data),
    )
    return Outgoing(orjson.dumps(document), values_of_document(data))


def _after(series: MetricSeries, passed: dict[str, int]) -> MetricSeries | None:
    """What is left of some points when those that are known are passed by; `passed` is counted down."""
    skipped = min(passed.get(series.key, 0), len(series.step))
    passed[series.key] = passed.get(series.key, 0) - skipped
    if skipped == len(series.step):
        return None
    return MetricSeries(series.key, series.value[skipped:], series.timestamp_ms[skipped:], series.step[skipped:])


def _renamed(record: RegisteredRecord, gone: dict[str, RegisteredRecord]) -> RegisteredRecord | None:
    """Which of the models whose names are gone this one is: it was made when that was."""
    return next((one for one in gone.values() if one.creation_time_ms == record.creation_time_ms), None)


def _time_of_rename(old: RegisteredRecord, new: RegisteredRecord) -> int | None:
    """A rename is a change of all versions that there were; what came after it changed some of them once more."""
    known = {one.version for one in old.versions}
    times = [one.last_update_time_ms for one in new.versions if one.version in known and one.last_update_time_ms]
    return min(times, default=new.last_update_time_ms)


def _decode(content: bytes, kind: Callable[..., T] | type[T]) -> T:
    found: T = msgspec.msgpack.decode(content, type=kind)
    return found
