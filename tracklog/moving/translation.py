"""From the records of a store to the events that would have made them: each at the time that the store has for it.

Nothing is looked at but the records and what the target holds, so the same store gives the same events.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from schemas import codec
from schemas.envelope import EventData, importer_from
from schemas.events import (
    AnyEvent,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentTagSet,
    LoggedModelCreated,
    LoggedModelDeleted,
    LoggedModelFinalized,
    ModelMetric,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    Param,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelUpdated,
    RunCreated,
    RunDataLogged,
    RunDeleted,
    RunInputsLogged,
    RunOutputsLogged,
    RunTagDeleted,
    RunUpdated,
    Tag,
    stream_of,
)
from schemas.mlflow import (
    LOGGED_MODEL_STATUSES,
    MODEL_VERSION_STAGES,
    NEW_LOGGED_MODEL_STATUS,
    NEW_MODEL_VERSION_STAGE,
    NEW_RUN_STATUS,
    RUN_NAME_TAG,
    RUN_STATUSES,
)
from tracklog.moving.event_ids import derived, event_id
from tracklog.moving.records import (
    POINTS_PER_RECORD,
    ExperimentRecord,
    LoggedModelRecord,
    OddityRecord,
    PointsRecord,
    Record,
    RegisteredRecord,
    RunRecord,
    SizeRecord,
    VersionRecord,
)
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.target import Target

ORIGINAL_NAME_TAG: Final = "tracklog.import.name"
ORIGINAL_ID_TAG: Final = "tracklog.import.experiment_id"
MERGED_TAG: Final = "tracklog.import.source"
"""Of an experiment that could not keep its name or its id, and of the one in whose place an imported one came."""

DEFAULT_ID: Final = 0
DEFAULT_NAME: Final = "Default"
DEFAULT_LOCATION: Final = "mlflow-artifacts:/0"

TEXT_PER_EVENT: Final = 200_000
"""Characters of params or tags that go into one event: Kafka takes messages of 1 MB."""

MOST_MISSING_VERSIONS: Final = 10_000
"""Numbers of versions that a model may lack. Each is made and deleted, so that it counts as given."""

MOST_EVENT_BYTES: Final = 30 * 1024 * 1024
"""Kafka's record batches have at most 32 MiB as Tracklog makes topics; logs in databases take 64."""

_LAST_MS: Final = 253_402_300_799_000
"""The end of the year 9999, after which Python has no dates."""
_LARGEST_ID: Final = 2**62

_MODEL_SOURCE: Final = re.compile(r"models:/(m-[0-9a-f]{32})")

T = TypeVar("T")

Counted = Mapping[str, int]
"""How many things of each kind an event brings."""


NOTHING: Final[Counted] = {}


class Made(NamedTuple):
    """An event that is to be appended, and the bytes of its payload."""

    event: EventData
    size: int


class Translation:
    """Makes the events of one store. What it says of them is in `report`."""

    def __init__(self, target: Target, roots: Roots, report: Report) -> None:
        self._target = target
        self._roots = roots
        self._report = report
        self._actor = importer_from(report.source)
        self._request_id = "import-" + blake2b(report.source.encode(), digest_size=8).hexdigest()
        self._experiments: dict[str, int] = {}  # ids here, by the key of the source
        self._created_ms: dict[str, int] = {}
        self._made_runs: set[str] = set()
        self._made_models: set[str] = set()
        self._run: RunRecord | None = None  # whose points come now
        self._points_at = 0
        self._datasets: set[tuple[int, str, str]] = set()  # experiment here, name, digest
        self._was_empty = target.is_empty
        self._has_default = False

    def events(self, record: Record) -> Iterator[Made]:
        """What a record comes to, without what is in the log already."""
        if isinstance(record, SizeRecord):
            self._report.tally(record.kind).source += record.number
            return
        if isinstance(record, OddityRecord):
            self._report.odd(record.kind, record.where, record.what, record.lost)
            return
        if isinstance(record, PointsRecord):
            yield from self._points(record)
            return
        yield from self._end_run()
        if not isinstance(record, ExperimentRecord):
            yield from self._ensure_default()
        match record:
            case ExperimentRecord():
                yield from self._experiment(record)
            case RunRecord():
                yield from self._begin_run(record)
            case LoggedModelRecord():
                yield from self._logged_model(record)
            case RegisteredRecord():
                yield from self._registered(record)

    def end(self) -> Iterator[Made]:
        """What is left to say when there are no more records."""
        yield from self._end_run()
        yield from self._ensure_default()

    # --- events ---------------------------------------------------------------------------------------------------

    def _event(
        self, about: str, payload: AnyEvent, time_ms: int | None, counted: Counted = NOTHING, where: str = ""
    ) -> Iterator[Made]:
        """The event, unless it is in the log already. `counted` are then there all the same."""
        time_us = min(max(time_ms or 0, 0), _LAST_MS) * 1000
        encoded = codec.encode(payload)
        made_of = derived(about, encoded)
        known = self._target.imported.get(made_of.about)
        if len(encoded) > MOST_EVENT_BYTES:
            self._left(counted, where or about, f"{payload.event_type} of {len(encoded)} bytes is more than logs take")
            return
        if known is None:
            self._target.imported[made_of.about] = made_of.check
            self._report.events += 1
        elif known != made_of.check:
            what = f"{payload.event_type} is not what was imported before; that stays as it is"
            self._left(counted, where or about, what)
            return
        for kind, number in counted.items():
            tally = self._report.tally(kind)
            tally.imported += number
            tally.new += number if known is None else 0
        if known is None:
            identity = event_id(time_us, made_of)
            event = EventData(identity, stream_of(payload), time_us, self._actor, self._request_id, payload)
            yield Made(event, len(encoded))

    def _left(self, counted: Counted, where: str, what: str) -> None:
        self._report.odd(next(iter(counted), "events"), where.replace("\0", " "), what)
        for kind, number in counted.items():
            self._report.tally(kind).left += number

    def _is_there(self, about: str) -> bool:
        return derived(about, b"").about in self._target.imported

    def _lost(self, kind: str, where: str, what: str, number: int) -> None:
        if number:
            self._report.odd(kind, where, what, number)

    # --- experiments ----------------------------------------------------------------------------------------------

    def _experiment(self, record: ExperimentRecord) -> Iterator[Made]:
        about = f"experiment\0{record.experiment_id}\0{record.name}\0{record.artifact_location}"
        created = derived(f"{about}\0created", b"").about
        time_ms = record.creation_time_ms or record.last_update_time_ms
        self._created_ms[record.key] = time_ms or 0
        if self._takes_the_place_of_default(record, f"{about}\0merged"):
            self._experiments[record.key] = DEFAULT_ID
            self._has_default = True
            yield from self._merge(record, about, time_ms)
            return
        tags = list(record.tags)
        experiment_id = self._target.imported_experiments.get(created)
        if experiment_id is None:
            experiment_id = self._free_id(record, about)
            name = self._free_name(record, experiment_id)
        else:
            name = self._name_given(record, experiment_id)
        if str(experiment_id) != record.experiment_id:
            tags.append(Tag(ORIGINAL_ID_TAG, record.experiment_id))
            self._report.renamed.append(("experiment", f"{record.experiment_id} ({record.where})", str(experiment_id)))
        if name != record.name:
            if record.name:
                tags.append(Tag(ORIGINAL_NAME_TAG, record.name))
            self._report.renamed.append(("experiment", f"{record.name!r} ({record.where})", repr(name)))
        if not time_ms:
            self._report.odd("experiments", record.where, "nothing says when it was created: 1970")
        self._experiments[record.key] = experiment_id
        self._has_default = self._has_default or experiment_id == DEFAULT_ID
        self._target.created(experiment_id, name, imported=True)
        location = self._roots.location(record.artifact_location)
        payload = ExperimentCreated(experiment_id=experiment_id, name=name, artifact_location=location, tags=tags)
        counted = {"experiments": 1, "experiment tags": len(record.tags)}
        yield from self._event(f"{about}\0created", payload, time_ms, counted, record.where)
        changed_ms = record.last_update_time_ms
        if record.deleted:
            yield from self._event(
                f"{about}\0deleted", ExperimentDeleted(experiment_id=experiment_id), changed_ms or time_ms
            )
        elif changed_ms and changed_ms > (time_ms or 0):
            # Nobody knows what the change was; the name it has by then is true in any case.
            renamed = ExperimentRenamed(experiment_id=experiment_id, name=name)
            yield from self._event(f"{about}\0changed", renamed, changed_ms)

    def _takes_the_place_of_default(self, record: ExperimentRecord, merged: str) -> bool:
        """Whether the experiment 0 of the source comes into the one that every new log has, and that nobody used."""
        if record.experiment_id != str(DEFAULT_ID) or self._has_default:
            return False
        if self._is_there(merged):
            return True
        default = self._target.experiments.get(DEFAULT_ID)
        return default is not None and not default.imported and DEFAULT_ID not in self._target.used

    def _merge(self, record: ExperimentRecord, about: str, time_ms: int | None) -> Iterator[Made]:
        default = self._target.experiments[DEFAULT_ID]
        merged = ExperimentTagSet(experiment_id=DEFAULT_ID, key=MERGED_TAG, value=self._report.source)
        yield from self._event(f"{about}\0merged", merged, time_ms, {"experiments": 1}, record.where)
        for tag in record.tags:
            payload = ExperimentTagSet(experiment_id=DEFAULT_ID, key=tag.key, value=tag.value)
            yield from self._event(f"{about}\0tag\0{tag.key}", payload, time_ms, {"experiment tags": 1}, record.where)
        what = f"it is the experiment 0 that was there, which keeps its time of creation and {DEFAULT_LOCATION}"
        self._report.odd("experiments", record.where, what)
        if record.name != default.name or self._is_there(f"{about}\0changed"):
            name = record.name if self._is_there(f"{about}\0changed") else self._free_name(record, DEFAULT_ID)
            self._target.names[name] = DEFAULT_ID
            renamed = ExperimentRenamed(experiment_id=DEFAULT_ID, name=name)
            yield from self._event(f"{about}\0changed", renamed, record.last_update_time_ms or time_ms)
        if record.deleted:
            deleted = ExperimentDeleted(experiment_id=DEFAULT_ID)
            yield from self._event(f"{about}\0deleted", deleted, record.last_update_time_ms or time_ms)

    def _free_id(self, record: ExperimentRecord, about: str) -> int:
        wanted = record.experiment_id
        if wanted.isascii() and wanted.isdigit() and str(int(wanted)) == wanted and int(wanted) < _LARGEST_ID:
            experiment_id = int(wanted)
            if experiment_id not in self._target.experiments:
                return experiment_id
        number = int.from_bytes(blake2b(about.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        while (experiment_id := 10**17 + number % (9 * 10**17)) in self._target.experiments:
            number += 1
        return experiment_id

    def _free_name(self, record: ExperimentRecord, experiment_id: int) -> str:
        if record.name and record.name not in self._target.names:
            return record.name
        name = self._other_name(record, experiment_id)
        while name in self._target.names:
            name += "-again"
        return name

    def _other_name(self, record: ExperimentRecord, experiment_id: int) -> str:
        if not record.name:
            return f"recovered-{experiment_id}"
        return f"{record.name}-{'deleted' if record.deleted else 'imported'}-{experiment_id}"

    def _name_given(self, record: ExperimentRecord, experiment_id: int) -> str:
        """The name that an experiment which is there already was imported under."""
        if self._target.names.get(record.name) == experiment_id:
            return record.name
        other = self._other_name(record, experiment_id)
        return next(
            (name for name in (other, f"{other}-again") if self._target.names.get(name) == experiment_id), record.name
        )

    def _ensure_default(self) -> Iterator[Made]:
        """Stock clients log in experiment 0 when they name none, and a server makes it only in a log that is empty."""
        if self._has_default:
            return
        self._has_default = True
        about = "experiment\0default"
        if (self._was_empty or self._is_there(about)) and DEFAULT_NAME not in self._target.names:
            self._target.created(DEFAULT_ID, DEFAULT_NAME, imported=False)
            payload = ExperimentCreated(experiment_id=DEFAULT_ID, name=DEFAULT_NAME, artifact_location=DEFAULT_LOCATION)
            yield from self._event(about, payload, 0)

    def _experiment_of(self, key: str, where: str, time_ms: int | None) -> Iterator[Made]:
        """Make sure that the experiment which a run or a model names is there."""
        if key in self._experiments:
            return
        self._report.odd("experiments", where, f"its experiment {key!r:.100} is not there: it is made")
        tally = self._report.tally("experiments")
        tally.source += 1
        yield from self._experiment(
            ExperimentRecord(
                where=where, key=key, experiment_id=key, name="", artifact_location="", creation_time_ms=time_ms
            )
        )

    # --- runs -----------------------------------------------------------------------------------------------------

    def _begin_run(self, record: RunRecord) -> Iterator[Made]:
        about = f"run\0{record.run_id}"
        self._points_at = 0
        if reason := self._refused(record, about):
            self._leave(record, reason)
            return
        yield from self._experiment_of(record.experiment_key, record.where, record.start_time_ms)
        self._made_runs.add(record.run_id)
        self._run = record
        experiment_id = self._experiments[record.experiment_key]
        known = self._target.experiments.get(experiment_id)
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
            artifact_uri=self._roots.location(record.artifact_uri),
            tags=[tag for tag in tags if tag.key != RUN_NAME_TAG],
            experiment_revision=0 if known is None or known.imported else known.revision,
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
        if record.run_id in self._made_runs:
            return f"the run {record.run_id} is in this source a second time"
        if record.run_id in self._target.runs and not self._is_there(f"{about}\0created"):
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
        return started_ms if started_ms and started_ms > 0 else self._created_ms.get(record.experiment_key, 0)

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
            key = (self._experiments[record.experiment_key], dataset.name, dataset.digest)
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

    def _points(self, record: PointsRecord) -> Iterator[Made]:
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
        time_ms = newest_ms if 0 < newest_ms <= _LAST_MS else self._started_ms(self._run)
        yield from self._event(about, payload, time_ms, {"metric points": number}, self._run.where)

    def _end_run(self) -> Iterator[Made]:
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
            experiment = self._target.experiments.get(self._experiments[record.experiment_key])
            revision = 0 if experiment is None or experiment.imported else experiment.revision
            deleted = RunDeleted(run_id=record.run_id, experiment_revision=revision)
            deleted_ms = record.deleted_time_ms or record.end_time_ms or time_ms
            yield from self._event(f"{about}\0deleted", deleted, deleted_ms)

    # --- logged models --------------------------------------------------------------------------------------------

    def _logged_model(self, record: LoggedModelRecord) -> Iterator[Made]:
        model_id = record.model_id
        about = f"logged-model\0{model_id}"
        is_clash = model_id in self._target.logged_models and not self._is_there(f"{about}\0created")
        if not model_id or is_clash or model_id in self._made_models:
            what = "left: it has no id" if not model_id else f"left: a logged model {model_id} is there already"
            self._report.odd("logged models", record.where, what, 1)
            self._lost("params of logged models", record.where, "of a model that is left", len(record.params))
            self._lost("tags of logged models", record.where, "of a model that is left", len(record.tags))
            self._lost("points of logged models", record.where, "of a model that is left", len(record.metrics))
            return
        yield from self._experiment_of(record.experiment_key, record.where, record.creation_time_ms)
        self._made_models.add(model_id)
        time_ms = record.creation_time_ms or record.last_update_time_ms
        payload = LoggedModelCreated(
            model_id=model_id,
            experiment_id=self._experiments[record.experiment_key],
            name=record.name,
            artifact_location=self._roots.location(record.artifact_location),
            model_type=record.model_type,
            source_run_id=record.source_run_id,
            params=list(record.params),
            tags=list(record.tags),
        )
        counted = {
            "logged models": 1,
            "params of logged models": len(record.params),
            "tags of logged models": len(record.tags),
        }
        yield from self._event(f"{about}\0created", payload, time_ms, counted, record.where)
        status = record.status
        if status not in LOGGED_MODEL_STATUSES:
            self._report.odd("logged models", record.where, f"its status {status} is none that is known; pending")
            status = NEW_LOGGED_MODEL_STATUS
        changed_ms = record.last_update_time_ms or time_ms
        if status != NEW_LOGGED_MODEL_STATUS or changed_ms != time_ms:
            finalized = LoggedModelFinalized(model_id=model_id, status=status)
            yield from self._event(f"{about}\0finalized", finalized, changed_ms)
        if record.deleted:
            yield from self._event(f"{about}\0deleted", LoggedModelDeleted(model_id=model_id), changed_ms)
        yield from self._model_points(record)

    def _model_points(self, record: LoggedModelRecord) -> Iterator[Made]:
        """The points are facts of the runs that reported them."""
        of_runs: dict[str, list[ModelMetric]] = {}
        for run_id, point in record.metrics:
            of_runs.setdefault(run_id, []).append(point)
        for run_id, points in of_runs.items():
            if run_id not in self._made_runs and run_id not in self._target.runs:
                what = f"the run {run_id!r:.50} that reported them is not there"
                self._lost("points of logged models", record.where, what, len(points))
                continue
            for start in range(0, len(points), POINTS_PER_RECORD):
                some = points[start : start + POINTS_PER_RECORD]
                payload = RunDataLogged(run_id=run_id, model_metrics=some)
                about = f"run\0{run_id}\0model\0{record.model_id}\0{start}"
                time_ms = max(one.timestamp_ms for one in some)
                yield from self._event(about, payload, time_ms, {"points of logged models": len(some)}, record.where)

    # --- registered models ----------------------------------------------------------------------------------------

    def _registered(self, record: RegisteredRecord) -> Iterator[Made]:
        about = f"registered-model\0{record.name}\0{record.creation_time_ms}"
        time_ms = record.creation_time_ms or record.last_update_time_ms
        created = derived(f"{about}\0created", b"").about
        name = self._target.imported_names.get(created) or self._free_model_name(record.name)
        if name != record.name:
            self._report.renamed.append(("registered model", f"{record.name!r} ({record.where})", repr(name)))
        self._target.registered.add(name)
        payload = RegisteredModelCreated(
            name=name,
            registered_model_id=_uuid(about),
            description=record.description,
            tags=list(record.tags),
        )
        counted = {"registered models": 1, "tags of registered models": len(record.tags)}
        yield from self._event(f"{about}\0created", payload, time_ms, counted, record.where)
        last = 0
        alive: set[int] = set()
        for version in record.versions:
            if version.version <= last or version.version - last - 1 > MOST_MISSING_VERSIONS:
                what = f"left: the number {version.version} cannot follow {last}"
                self._report.odd("model versions", version.where, what, 1)
                self._lost("tags of model versions", version.where, "of a version that is left", len(version.tags))
                continue
            for missing in range(last + 1, version.version):
                yield from self._used_number(name, about, missing, time_ms)
            last = version.version
            yield from self._version(name, f"{about}\0{last}", version, time_ms)
            if not version.deleted:
                alive.add(last)
        for alias, number in record.aliases:
            if number not in alive:
                what = f"left: the alias {alias!r:.100} is of version {number}, which is not there"
                self._report.odd("aliases", record.where, what, 1)
                continue
            set_alias = RegisteredModelAliasSet(name=name, alias=alias, version=number)
            changed_ms = record.last_update_time_ms or time_ms
            yield from self._event(f"{about}\0alias\0{alias}", set_alias, changed_ms, {"aliases": 1}, record.where)
        if record.last_update_time_ms and record.last_update_time_ms != time_ms:
            updated = RegisteredModelUpdated(name=name, description=record.description)
            yield from self._event(f"{about}\0updated", updated, record.last_update_time_ms)

    def _free_model_name(self, wanted: str) -> str:
        name = wanted or "recovered"
        while name in self._target.registered:
            name += "-imported"
        return name

    def _used_number(self, name: str, about: str, version: int, time_ms: int | None) -> Iterator[Made]:
        """A number that was given once, and that nothing is known of."""
        about = f"{about}\0{version}"
        payload = ModelVersionCreated(name=name, version_id=_uuid(about), source="", storage_location="")
        yield from self._event(f"{about}\0created", payload, time_ms)
        yield from self._event(f"{about}\0deleted", ModelVersionDeleted(name=name, version=version), time_ms)

    def _version(self, name: str, about: str, record: VersionRecord, model_time_ms: int | None) -> Iterator[Made]:
        """A transition moves the model's time too, and an update the version's alone: so it is the later of the two."""
        time_ms = record.creation_time_ms or model_time_ms
        changed_ms = record.last_update_time_ms or time_ms
        source = self._roots.location(record.source)
        model = _MODEL_SOURCE.fullmatch(record.source)
        payload = ModelVersionCreated(
            name=name,
            version_id=_uuid(about),
            source=source,
            storage_location=self._roots.location(record.storage_location) if record.storage_location else source,
            run_id=record.run_id,
            run_link=record.run_link,
            logged_model_id=record.model_id or (model[1] if model else ""),
            description=record.description,
            tags=list(record.tags),
        )
        counted = {"model versions": 1, "tags of model versions": len(record.tags)}
        yield from self._event(f"{about}\0created", payload, time_ms, counted, record.where)
        number = record.version
        if record.deleted:
            deleted = ModelVersionDeleted(name=name, version=number)
            yield from self._event(f"{about}\0deleted", deleted, changed_ms)
            return
        if record.stage not in MODEL_VERSION_STAGES:
            self._report.odd("model versions", record.where, f"its stage {record.stage!r:.50} is no word that is known")
        if record.stage and record.stage != NEW_MODEL_VERSION_STAGE:
            transitioned = ModelVersionTransitioned(name=name, version=number, stage=record.stage)
            yield from self._event(f"{about}\0transitioned", transitioned, time_ms)
        if changed_ms != time_ms:
            updated = ModelVersionUpdated(name=name, version=number, description=record.description)
            yield from self._event(f"{about}\0updated", updated, changed_ms)


def _uuid(about: str) -> str:
    return UUID(bytes=blake2b(about.encode("utf-8", "surrogatepass"), digest_size=16).digest()).hex


def _by_size(texts: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """The first of some params or tags that fit in one event, at least one of them, and the others."""
    size = 0
    for number, one in enumerate(texts):
        size += len(one.key) + len(one.value) + 24
        if size > TEXT_PER_EVENT and number:
            return texts[:number], texts[number:]
    return texts, ()
