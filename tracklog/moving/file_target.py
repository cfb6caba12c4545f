"""A file store as MLflow 3.17 has it, written from records: a folder that is not there yet."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from schemas.events import DatasetInput, MetricSeries, Param, Tag
from schemas.mlflow import RUN_STATUSES, lifecycle_stage
from tracklog.moving.database_contents import DEFAULT_WORKSPACE
from tracklog.moving.file_trace_target import TraceFolders
from tracklog.moving.records import (
    DELETED_VERSION,
    AccountRecord,
    EvaluatedRecord,
    ExampleRecord,
    ExperimentRecord,
    IssueRecord,
    LabelSchemaRecord,
    LoggedModelRecord,
    OddityRecord,
    PointsRecord,
    Record,
    Records,
    RegisteredRecord,
    ReviewItemsRecord,
    ReviewQueueRecord,
    RoleRecord,
    RunRecord,
    ScorerRecord,
    SizeRecord,
    SpansRecord,
    TraceRecord,
    UnreadRecord,
    VersionRecord,
    WebhookRecord,
)
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.store_files import META
from tracklog.moving.written_store import TargetTaken, TargetUnfit, WrittenStore

_LOCAL: Final = 4
"""The number of the type of source that MLflow's file store gives every run."""

_STATUSES: Final = {word: number for number, word in RUN_STATUSES.items()}

_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML does not take as it is, and JSON does."""


class FileTarget(WrittenStore):
    """Written under another name beside it, and given its own when it is whole. `roots` are those of artifacts."""

    def __init__(self, folder: Path, roots: Roots) -> None:
        self._folder = folder.absolute()
        self._roots = roots

    def __str__(self) -> str:
        return str(self._folder)

    def write(self, records: Records, report: Report) -> None:
        self._refuse_what_is_there()
        partial = self._folder.with_name(f".{self._folder.name}.{os.getpid()}.partial")
        try:
            try:
                partial.mkdir(parents=True)
                _Folders(partial, self._folder, self._roots, report).write(records)
                os.sync()  # many small files: one by one would take a second for some hundred
                self._refuse_what_is_there()
                partial.rename(self._folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        except OSError as error:
            raise TargetUnfit(f"{self._folder} cannot be written: {error}") from error

    def _refuse_what_is_there(self) -> None:
        if os.path.lexists(self._folder):
            raise TargetTaken(f"{self._folder} is there already; name a folder that is not.")


class _Folders:
    """Writes all that there is below one folder."""

    def __init__(self, root: Path, final: Path, roots: Roots, report: Report) -> None:
        """`final` is where `root` will be once everything is written."""
        self._root = root
        self._roots = roots
        self._report = report
        self._experiments: dict[str, Path] = {}
        self._ids: dict[str, str] = {}
        self._run = root  # the folder of the run whose points come
        self._refused: set[str] = set()  # its metrics that cannot be files
        self._traces = TraceFolders(_write, self._append, report, lambda place: final / place.relative_to(root))

    def write(self, records: Records) -> None:
        """Everything. Raises OSError."""
        for record in records:
            self._record(record)
        self._traces.end()

    def _record(self, record: Record) -> None:
        match record:
            case SizeRecord():
                self._report.tally(record.kind).source += record.number
            case OddityRecord():
                self._report.odd(record.kind, record.where, record.what, record.lost)
            case PointsRecord():
                for series in record.metrics:
                    self._points(record.run_id, series)
            case ExperimentRecord():
                self._experiment(record)
            case RunRecord():
                self._run_folder(record)
            case LoggedModelRecord():
                self._logged_model(record)
            case RegisteredRecord():
                self._registered_model(record)
            case TraceRecord():
                experiment = self._experiments.get(record.experiment_key)
                self._traces.begin(record, experiment, self._ids.get(record.experiment_key, ""))
            case SpansRecord():
                self._traces.spans(record)
            case EvaluatedRecord():
                links = len(record.experiment_keys)
                for kind, number in (
                    ("evaluation datasets", 1),
                    ("tags of evaluation datasets", len(record.tags)),
                    ("links between things", links),
                ):
                    self._lose(kind, record.where, number)
            case ExampleRecord():
                self._lose("records of evaluation datasets", record.where, 1)
            case ScorerRecord():
                self._lose("scorers", record.where, 1)
                self._lose("versions of scorers", record.where, len(record.versions))
            case WebhookRecord():
                self._lose("webhooks", record.where, 1)
            case IssueRecord():
                self._lose("issues", record.where, 1)
            case LabelSchemaRecord():
                self._lose("label schemas", record.where, 1)
            case ReviewQueueRecord():
                self._lose("review queues", record.where, 1)
            case ReviewItemsRecord():
                self._lose("items of review queues", f"review queue {record.queue_id}", len(record.items))
            case AccountRecord() | RoleRecord() | UnreadRecord():
                pass  # a read model hands out none of them

    def _lose(self, kind: str, where: str, number: int) -> None:
        if number:
            self._report.odd(kind, where, "left: MLflow has no files for them", number)

    # --- experiments ----------------------------------------------------------------------------------------------

    def _experiment(self, record: ExperimentRecord) -> None:
        parent = self._root / ".trash" if record.deleted else self._root
        folder = parent / record.experiment_id
        self._experiments[record.key] = folder
        self._ids[record.key] = record.experiment_id
        folder.mkdir(parents=True)
        _write_meta(
            folder,
            artifact_location=self._roots.location(record.artifact_location),
            creation_time=record.creation_time_ms,
            effective_trace_archival_retention=None,
            experiment_id=record.experiment_id,
            last_update_time=record.last_update_time_ms,
            lifecycle_stage=lifecycle_stage(not record.deleted),
            name=record.name,
            trace_location=None,
            workspace=DEFAULT_WORKSPACE,
        )
        self._count("experiments")
        self._texts(folder / "tags", record.tags, "experiment tags", record.where)

    # --- runs -----------------------------------------------------------------------------------------------------

    def _run_folder(self, record: RunRecord) -> None:
        experiment = self._experiments[record.experiment_key]
        folder = self._run = experiment / record.run_id
        self._refused = set()
        status = _STATUSES.get(record.status)
        if status is None:
            status = _STATUSES["FAILED"]
            self._report.odd("runs", record.where, f"its status {record.status!r:.50} has no place there: FAILED")
        for name in ("artifacts", "metrics", "params", "tags"):
            (folder / name).mkdir(parents=True)
        meta: dict[str, Any] = {
            "artifact_uri": self._roots.location(record.artifact_uri),
            "end_time": record.end_time_ms,
            "entry_point_name": "",
            "experiment_id": self._ids[record.experiment_key],
            "lifecycle_stage": lifecycle_stage(not record.deleted),
            "run_id": record.run_id,
            "run_name": record.name,
            "source_name": "",
            "source_type": _LOCAL,
            "source_version": "",
            "start_time": record.start_time_ms,
            "status": status,
            "tags": [],
            "user_id": record.user_id,
        }
        if record.deleted:
            meta["deleted_time"] = record.deleted_time_ms
        _write_meta(folder, **meta)
        self._count("runs")
        self._texts(folder / "params", record.params, "params", record.where)
        self._texts(folder / "tags", record.tags, "tags", record.where)
        for number, dataset in enumerate(record.datasets):
            self._dataset(experiment, folder / "inputs" / _numbered(number), dataset)
        for number, model_id in enumerate(record.model_inputs, len(record.datasets)):
            self._link(folder / "inputs" / _numbered(number), "MODEL", "RUN", model_id)
            self._count("model inputs")
        for output in record.outputs:
            place = folder / "outputs" / output.model_id
            self._link(place, "RUN_OUTPUT", "MODEL_OUTPUT", output.model_id, step=output.step)
            self._count("model outputs")

    def _dataset(self, experiment: Path, place: Path, dataset: DatasetInput) -> None:
        identity = _hash(dataset.name + dataset.digest)
        folder = experiment / "datasets" / identity
        if not folder.exists():
            folder.mkdir(parents=True)
            _write_meta(
                folder,
                digest=dataset.digest,
                name=dataset.name,
                profile=dataset.profile,
                schema=dataset.schema,
                source=dataset.source,
                source_type=dataset.source_type,
            )
            self._count("datasets")
        tags = {tag.key: tag.value for tag in dataset.tags}
        self._link(place, "DATASET", "RUN", identity, tags)
        self._count("dataset inputs")
        self._count("tags of dataset inputs", len(tags))

    def _link(
        self, folder: Path, source: str, to: str, identity: str, tags: Mapping[str, str] | None = None, **more: int
    ) -> None:
        """What MLflow writes of an input or an output: its id stands on both sides."""
        folder.mkdir(parents=True, exist_ok=True)
        _write_meta(
            folder,
            destination_id=identity,
            destination_type=to,
            source_id=identity,
            source_type=source,
            tags=dict(tags or {}),
            **more,
        )

    def _points(self, run_id: str, series: MetricSeries) -> None:
        """More lines of a metric's file."""
        lines = (
            f"{timestamp_ms} {float(value)!r} {step}\n"
            for value, timestamp_ms, step in zip(series.value, series.timestamp_ms, series.step, strict=True)
        )
        number = len(series.step)
        if series.key in self._refused or not self._append(self._run / "metrics", series.key, lines):
            self._refused.add(series.key)
            self._report.odd("metric points", f"run {run_id}, metric {series.key!r:.100}", _NO_FILE, number)
        else:
            self._count("metric points", number)

    # --- models ---------------------------------------------------------------------------------------------------

    def _logged_model(self, record: LoggedModelRecord) -> None:
        folder = self._experiments[record.experiment_key] / "models" / record.model_id
        folder.mkdir(parents=True)
        _write_meta(
            folder,
            artifact_location=self._roots.location(record.artifact_location),
            creation_timestamp=record.creation_time_ms,
            experiment_id=self._ids[record.experiment_key],
            last_updated_timestamp=record.last_update_time_ms,
            lifecycle_stage=lifecycle_stage(not record.deleted),
            model_id=record.model_id,
            model_type=record.model_type or None,
            name=record.name,
            source_run_id=record.source_run_id or None,
            status=record.status,
            status_message=None,
        )
        self._count("logged models")
        self._texts(folder / "params", record.params, "params of logged models", record.where)
        self._texts(folder / "tags", record.tags, "tags of logged models", record.where)
        for run_id, point in record.metrics:
            line = f"{point.timestamp_ms} {float(point.value)!r} {point.step} {run_id}"
            if point.dataset_name is not None:
                line += f" {point.dataset_name} {point.dataset_digest}"
            where = f"{record.where}, metric {point.key!r:.100}"
            if re.search(r"\s", f"{point.dataset_name}{point.dataset_digest}"):
                what = "left: the name of its dataset has a blank, and MLflow then cannot read the whole model"
                self._report.odd("points of logged models", where, what, 1)
            elif self._append(folder / "metrics", point.key, [line + "\n"]):
                self._count("points of logged models")
            else:
                self._report.odd("points of logged models", where, _NO_FILE, 1)

    def _registered_model(self, record: RegisteredRecord) -> None:
        folder = self._root / "models" / record.name
        if not _is_name(record.name):
            self._lose_model(record)
            return
        folder.mkdir(parents=True)
        _write_meta(
            folder,
            aliases={alias: str(version) for alias, version in record.aliases},
            creation_timestamp=record.creation_time_ms,
            deployment_job_id=None,
            deployment_job_state=None,
            description=record.description or None,
            last_updated_timestamp=record.last_update_time_ms,
            name=record.name,
            workspace=DEFAULT_WORKSPACE,
        )
        self._count("registered models")
        self._texts(folder / "tags", record.tags, "tags of registered models", record.where)
        aliases = [Tag(alias, str(version)) for alias, version in record.aliases]
        self._texts(folder / "aliases", aliases, "aliases", record.where)
        for version in record.versions:
            self._version(folder / f"version-{version.version}", record.name, version)

    def _lose_model(self, record: RegisteredRecord) -> None:
        self._report.odd("registered models", record.where, _NO_FILE, 1)
        alive = [version for version in record.versions if not version.deleted]
        for kind, number in (
            ("tags of registered models", len(record.tags)),
            ("aliases", len(record.aliases)),
            ("model versions", len(alive)),
            ("tags of model versions", sum(len(version.tags) for version in alive)),
        ):
            if number:
                self._report.odd(kind, record.where, "left: of a model that is", number)

    def _version(self, folder: Path, name: str, record: VersionRecord) -> None:
        folder.mkdir()
        _write_meta(
            folder,
            creation_timestamp=record.creation_time_ms,
            current_stage=DELETED_VERSION if record.deleted else record.stage,
            deployment_job_state=None,
            description=record.description or None,
            last_updated_timestamp=record.last_update_time_ms,
            model_id=record.model_id or None,
            name=name,
            run_id=record.run_id or None,
            run_link=record.run_link or None,
            source=self._roots.location(record.source),
            status="READY",
            status_message=None,
            storage_location=self._roots.location(record.storage_location),
            user_id=None,
            version=record.version,
            workspace=DEFAULT_WORKSPACE,
        )
        if not record.deleted:
            self._count("model versions")
        self._texts(folder / "tags", record.tags, "tags of model versions", record.where)

    # --- files ----------------------------------------------------------------------------------------------------

    def _count(self, kind: str, number: int = 1) -> None:
        self._report.tally(kind).imported += number

    def _texts(self, folder: Path, texts: Sequence[Param] | Sequence[Tag], kind: str, where: str) -> None:
        """One file for each, whose content is the value."""
        for one in texts:
            if self._append(folder, one.key, [one.value]):
                self._count(kind)
            else:
                self._report.odd(kind, f"{where}, {one.key!r:.100}", _NO_FILE, 1)

    def _append(self, folder: Path, key: str, texts: Iterable[str]) -> bool:
        """Append to the file of a key, in which a slash is a folder; False where no file can have that name."""
        if not _is_path(key):
            return False
        path = folder.joinpath(*key.split("/"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", newline="") as file:
                file.writelines(texts)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):  # `a` and `a/b`
            return False
        return True


_NO_FILE: Final = "left: no file can have its name beside the others"

_LONGEST_NAME: Final = 255
"""Bytes of a name in the file systems there are."""


def _is_path(key: str) -> bool:
    """Whether a key is a path of files that stays below its folder."""
    return all(map(_is_name, key.split("/")))


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and "\0" not in name and "/" not in name and len(name.encode()) <= _LONGEST_NAME


def _hash(text: str) -> str:
    """How MLflow names the folder of a dataset."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _numbered(number: int) -> str:
    """A name for the folder of an input, to MLflow any 32 digits: by their names inputs are in their order."""
    return f"{number:032x}"


def _write_meta(folder: Path, **fields: Any) -> None:
    _write(folder / META, fields)


def _write(path: Path, fields: Mapping[str, Any]) -> None:
    path.write_text("".join(f"{name}: {_yaml(value)}\n" for name, value in fields.items()), encoding="utf-8")


def _yaml(value: Any) -> str:
    """JSON, which is YAML too but for some characters."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
