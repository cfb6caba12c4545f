"""MLflow's file store (`mlruns`) of any version: small files, each read by itself, so that damage stays small."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from schemas.events import DatasetInput, MetricSeries, ModelMetric, ModelOutput, Param, Tag
from schemas.mlflow import RUN_STATUSES
from tracklog.moving.cells import Cells, event_value
from tracklog.moving.file_traces import FileTraceReader
from tracklog.moving.records import (
    DELETED_VERSION,
    POINTS_PER_RECORD,
    ExperimentRecord,
    LoggedModelRecord,
    OddityRecord,
    PointsRecord,
    Records,
    RegisteredRecord,
    RunRecord,
    SizeRecord,
    VersionRecord,
)
from tracklog.moving.store_files import META, Meta, StoreFiles, folders_in, number_of_files
from tracklog.moving.stores import Consume, NoStore, Store

TRASH: Final = ".trash"
MODELS: Final = "models"
"""Below the root the registry, below an experiment its logged models."""

TRACES: Final = "traces"

_NO_RUNS: Final = frozenset({MODELS, TRACES, "datasets", "tags"})
"""Folders of an experiment that are no runs."""
_RUN_ID: Final = re.compile(r"[0-9a-f]{32}")
_TEXTS_OF_MODELS: Final = (("params of logged models", "params"), ("tags of logged models", "tags"))
_NO_META: Final = f"left: there is no {META} beside them"
_IN_NO_EXPERIMENT: Final = "left: of a run that lies in no experiment"
_VERSION: Final = re.compile(r"version-(\d+)")


class FileStore(Store):
    """The folder that holds the experiments."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def read(self, consume: Consume) -> None:
        if (self._root / META).is_file():
            raise NoStore(
                f"{self._root} is an experiment or a run of a store: name the folder that has all experiments."
            )
        inner = folders_in(self._root)
        registered = [one for one in folders_in(self._root / MODELS) if (one / META).is_file()]
        if not (
            registered or (self._root / TRASH).is_dir() or any(_is_experiment(one) or _has_runs(one) for one in inner)
        ):
            raise NoStore(f"{self._root} holds no experiment of MLflow: no folder with a {META} in it.")
        consume(FileStoreReader(self._root).records())


class FileStoreReader:
    """One reading of a store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cells = Cells()
        self._files = StoreFiles(root, self._cells)
        self._read_datasets: set[Path] = set()

    def records(self) -> Records:
        found = [(folder, False) for folder in folders_in(self._root) if folder.name not in (MODELS, TRASH)]
        found += [(folder, True) for folder in folders_in(self._root / TRASH)]
        experiments = [one for one in found if _is_experiment(one[0]) or _has_runs(one[0])]
        for folder, _ in found:
            if (folder, False) not in experiments and (folder, True) not in experiments:
                yield OddityRecord("experiments", self._files.where(folder), f"a folder without {META}; no experiment")
        for run in [folder for folder, _ in experiments if self._is_run(folder)]:
            experiments = [one for one in experiments if one[0] != run]
            yield from self._stray(run)
        yield from self._sizes([folder for folder, _ in experiments])
        for folder, in_trash in experiments:
            yield self._experiment(folder, in_trash=in_trash)
            yield from self._cells.take()
        for folder, _ in experiments:
            self._files.folders(folder, "runs")
            yield from self._cells.take()
            for run in _runs_in(folder):
                yield from self._run(folder, run)
        for folder, _ in experiments:
            for dataset in self._files.folders(folder / "datasets", "datasets"):
                if dataset not in self._read_datasets:
                    yield OddityRecord("datasets", self._files.where(dataset), "left: no run reads it", 1)
            yield from self._logged_models(folder)
        for folder in self._files.folders(self._root / MODELS, "registered models"):
            yield from self._registered(folder)
        traces = FileTraceReader(self._files, self._cells)
        for folder, _ in experiments:
            yield from traces.records(folder / TRACES, self._files.where(folder))
        yield from self._cells.take()

    def _is_run(self, folder: Path) -> bool:
        """Whether what lies among the experiments is a run."""
        meta = StoreFiles(self._root, Cells()).meta(folder, "runs") or {}
        return bool(meta.keys() & {"run_id", "run_uuid"}) and "artifact_location" not in meta

    def _stray(self, run: Path) -> Records:
        """A run that lies in no experiment: it is counted with what is in it."""
        yield SizeRecord("runs", 1)
        yield OddityRecord("runs", self._files.where(run), "left: a run that lies beside the experiments, in none", 1)
        yield from self._left_texts(run, (("params", "params"), ("tags", "tags")), _IN_NO_EXPERIMENT)
        yield from self._left_points("metric points", run, _IN_NO_EXPERIMENT)

    def _sizes(self, experiments: list[Path]) -> Records:
        """What can be counted by names alone."""
        yield SizeRecord("experiments", len(experiments))
        yield SizeRecord("datasets", sum(len(folders_in(folder / "datasets")) for folder in experiments))
        for folder in experiments:
            yield SizeRecord("experiment tags", number_of_files(folder / "tags"))
            for run in _runs_in(folder):
                yield SizeRecord("runs", 1)
                yield SizeRecord("params", number_of_files(run / "params"))
                yield SizeRecord("tags", number_of_files(run / "tags"))

    # --- files ----------------------------------------------------------------------------------------------------

    def _pairs(self, tags: object, kind: str, where: str) -> list[Tag]:
        """The tags of a meta.yaml: a map, or a list of maps."""
        if isinstance(tags, dict):
            return [
                Tag(self._cells.text(key, kind, where), self._cells.text(value, kind, where))
                for key, value in tags.items()
            ]
        if isinstance(tags, list):
            return [
                Tag(self._cells.text(one.get("key"), kind, where), self._cells.text(one.get("value"), kind, where))
                for one in tags
                if isinstance(one, dict)
            ]
        return []

    # --- experiments ----------------------------------------------------------------------------------------------

    def _experiment(self, folder: Path, *, in_trash: bool) -> ExperimentRecord:
        kind, where, cells = "experiments", self._files.where(folder), self._cells
        meta = self._files.meta(folder, kind) or {}
        experiment_id = cells.text(meta.get("experiment_id", folder.name), kind, where)
        if experiment_id != folder.name:
            cells.odd(kind, where, f"its {META} says that it is {experiment_id!r:.100}")
        created_ms = cells.number(meta.get("creation_time"), kind, where)
        return ExperimentRecord(
            where=where,
            key=where,
            experiment_id=experiment_id,
            name=cells.text(meta.get("name"), kind, where),
            artifact_location=cells.text(meta.get("artifact_location"), kind, where),
            deleted=cells.is_deleted(meta.get("lifecycle_stage"), kind, where) or in_trash,
            creation_time_ms=created_ms or self._first_start(folder),
            last_update_time_ms=cells.number(meta.get("last_update_time"), kind, where),
            tags=[Tag(*pair) for pair in self._files.texts(folder / "tags", "experiment tags")],
        )

    def _first_start(self, folder: Path) -> int:
        """When the first run began, in ms, else the time of the folder."""
        starts = [
            start
            for run in _runs_in(folder)
            if isinstance(start := (StoreFiles(self._root, Cells()).meta(run, "runs") or {}).get("start_time"), int)
            and start > 0
        ]
        return min(starts) if starts else int(folder.stat().st_mtime * 1000)

    # --- runs -----------------------------------------------------------------------------------------------------

    def _run(self, experiment: Path, folder: Path) -> Records:
        kind, where, cells = "runs", self._files.where(folder), self._cells
        meta = self._files.meta(folder, kind)
        if meta is None:
            yield from cells.take()
            yield from self._left(folder)
            return
        run_id = cells.text(meta.get("run_id") or meta.get("run_uuid") or folder.name, kind, where)
        if run_id != folder.name:
            cells.odd(kind, where, f"its {META} says that it is {run_id!r:.100}")
        if str(meta.get("experiment_id", experiment.name)) != experiment.name:
            cells.odd(kind, where, f"its {META} says that it is of the experiment {meta['experiment_id']!r:.100}")
        status = meta.get("status")
        inputs = list(self._links(folder / "inputs"))
        outputs = list(self._links(folder / "outputs"))
        datasets = [
            found for one in inputs if _is_dataset(one) and (found := self._dataset(experiment, one)) is not None
        ]
        model_inputs = [
            cells.text(one.get("source_id"), "model inputs", where) for one in inputs if not _is_dataset(one)
        ]
        yield SizeRecord("dataset inputs", sum(map(_is_dataset, inputs)))
        yield SizeRecord("tags of dataset inputs", sum(len(one.tags) for one in datasets))
        yield SizeRecord("model inputs", len(model_inputs))
        yield SizeRecord("model outputs", len(outputs))
        record = RunRecord(
            where=where,
            run_id=run_id,
            experiment_key=self._files.where(experiment),
            name=cells.text(meta.get("run_name") or meta.get("name"), kind, where),
            user_id=cells.text(meta.get("user_id"), kind, where),
            status=RUN_STATUSES.get(status, str(status))
            if isinstance(status, int)
            else cells.text(status, kind, where),
            start_time_ms=cells.number(meta.get("start_time"), kind, where),
            end_time_ms=cells.number(meta.get("end_time"), kind, where),
            artifact_uri=cells.text(meta.get("artifact_uri"), kind, where),
            deleted=cells.is_deleted(meta.get("lifecycle_stage"), kind, where),
            deleted_time_ms=cells.number(meta.get("deleted_time"), kind, where),
            params=[Param(*pair) for pair in self._files.texts(folder / "params", "params")],
            tags=[Tag(*pair) for pair in self._files.texts(folder / "tags", "tags")],
            datasets=datasets,
            model_inputs=model_inputs,
            outputs=[
                ModelOutput(
                    cells.text(one.get("destination_id"), "model outputs", where),
                    cells.number(one.get("step"), "model outputs", where) or 0,
                )
                for one in outputs
            ],
        )
        yield from cells.take()
        yield record
        yield from self._points(folder / "metrics", run_id)

    def _left(self, folder: Path) -> Records:
        """A run that says nothing of itself: what is in its folder is counted, and stays there."""
        where = self._files.where(folder)
        yield OddityRecord("runs", where, f"left: a run without {META}", 1)
        for kind, name in (("params", "params"), ("tags", "tags")):
            if number := number_of_files(folder / name):
                yield OddityRecord(kind, where, f"left: of a run without {META}", number)
        for kind, name in (("dataset inputs", "inputs"), ("model outputs", "outputs")):
            if number := len(self._files.folders(folder / name, kind)):
                yield SizeRecord(kind, number)
                yield OddityRecord(kind, where, f"left: of a run without {META}", number)
        yield from self._left_points("metric points", folder)

    def _left_texts(self, folder: Path, names: Sequence[tuple[str, str]], why: str = _NO_META) -> Records:
        """Of what says nothing of itself: what nobody has counted before."""
        for kind, name in names:
            if number := number_of_files(folder / name):
                yield SizeRecord(kind, number)
                yield OddityRecord(kind, self._files.where(folder), why, number)

    def _left_points(self, kind: str, folder: Path, why: str = _NO_META) -> Records:
        files = self._files.files(folder / "metrics", kind)
        points = sum(sum(1 for line in self._files.lines(path, kind) if line.strip()) for path, _ in files)
        yield from self._cells.take()
        if points:
            yield SizeRecord(kind, points)
            yield OddityRecord(kind, self._files.where(folder), why, points)

    def _links(self, folder: Path) -> Iterator[Meta]:
        """What a run read or made, each a folder with a file."""
        for one in self._files.folders(folder, folder.name):
            meta = self._files.meta(one, folder.name)
            if meta is not None:
                yield {**meta, "folder": one}

    def _dataset(self, experiment: Path, link: Meta) -> DatasetInput | None:
        kind, cells = "dataset inputs", self._cells
        where = self._files.where(link["folder"])
        folder = experiment / "datasets" / str(link.get("source_id"))
        meta = self._files.meta(folder, kind)
        if meta is None:
            cells.odd(kind, where, "its dataset is not there", 1)
            return None
        self._read_datasets.add(folder)
        schema, profile = meta.get("schema"), meta.get("profile")
        return DatasetInput(
            name=cells.text(meta.get("name"), kind, where),
            digest=cells.text(meta.get("digest"), kind, where),
            source_type=cells.text(meta.get("source_type"), kind, where),
            source=cells.text(meta.get("source"), kind, where),
            schema=None if schema is None else cells.text(schema, kind, where),
            profile=None if profile is None else cells.text(profile, kind, where),
            tags=self._pairs(link.get("tags"), "tags of dataset inputs", where),
        )

    # --- points ---------------------------------------------------------------------------------------------------

    def _points(self, folder: Path, run_id: str) -> Records:
        """`time value step`, and from 3.0 on the name and the digest of a dataset."""
        gathered: dict[str, MetricSeries] = {}
        number = 0
        for path, name in self._files.files(folder, "metric points"):
            where = self._files.where(path)
            key = self._cells.text(name, "metric points", where)
            read = on_datasets = 0
            for line_number, line in enumerate(self._files.lines(path, "metric points"), 1):
                columns = line.strip().split(b" ")
                try:
                    if len(columns) == 3:
                        point = event_value(float(columns[1])), _int64(columns[0]), _int64(columns[2])
                    else:
                        point = _long_point(columns)
                        on_datasets += len(columns) > 3
                except ValueError:
                    yield from self._no_point("metric points", where, line_number, line)
                    continue
                series = gathered.get(key)
                if series is None:
                    series = gathered[key] = MetricSeries(key, [], [], [])
                series.value.append(point[0])
                series.timestamp_ms.append(point[1])
                series.step.append(point[2])
                read += 1
                number += 1
                if number == POINTS_PER_RECORD:
                    yield SizeRecord("metric points", number)
                    yield PointsRecord(run_id, list(gathered.values()))
                    gathered, number = {}, 0
            if not read:
                yield OddityRecord("metric points", where, "no point is in this file")
            if on_datasets:
                self._cells.odd("metric points", where, f"the dataset of {on_datasets} points is not kept")
            yield from self._cells.take()
        yield from self._cells.take()
        if number:
            yield SizeRecord("metric points", number)
            yield PointsRecord(run_id, list(gathered.values()))

    def _no_point(self, kind: str, where: str, number: int, line: bytes) -> Records:
        if line.strip():
            yield SizeRecord(kind, 1)
            yield OddityRecord(kind, f"{where}, line {number}", f"no point: {line!r:.200}", 1)
        else:
            yield OddityRecord(kind, f"{where}, line {number}", "a blank line")

    # --- logged models --------------------------------------------------------------------------------------------

    def _logged_models(self, experiment: Path) -> Records:
        kind, cells = "logged models", self._cells
        for folder in self._files.folders(experiment / MODELS, kind):
            where = self._files.where(folder)
            yield SizeRecord(kind, 1)
            meta = self._files.meta(folder, kind)
            if meta is None:
                yield from cells.take()
                yield OddityRecord(kind, where, f"left: a logged model without {META}", 1)
                yield from self._left_texts(folder, _TEXTS_OF_MODELS)
                yield from self._left_points("points of logged models", folder)
                continue
            model_id = cells.text(meta.get("model_id") or folder.name, kind, where)
            points = []
            for path, key in self._files.files(folder / "metrics", "points of logged models"):
                of_file = self._files.where(path)
                for number, line in enumerate(self._files.lines(path, "points of logged models"), 1):
                    try:
                        points.append(_model_point(line.strip().split(b" "), model_id, cells.text(key, kind, of_file)))
                        yield SizeRecord("points of logged models", 1)
                    except ValueError:
                        yield from self._no_point("points of logged models", of_file, number, line)
            if meta.get("status_message"):
                cells.odd(kind, where, f"its status message is not kept: {meta['status_message']!r:.200}")
            params = [Param(*pair) for pair in self._files.texts(folder / "params", "params of logged models")]
            tags = [Tag(*pair) for pair in self._files.texts(folder / "tags", "tags of logged models")]
            yield SizeRecord("params of logged models", number_of_files(folder / "params"))
            yield SizeRecord("tags of logged models", number_of_files(folder / "tags"))
            record = LoggedModelRecord(
                where=where,
                model_id=model_id,
                experiment_key=self._files.where(experiment),
                name=cells.text(meta.get("name"), kind, where),
                artifact_location=cells.text(meta.get("artifact_location"), kind, where),
                model_type=cells.text(meta.get("model_type"), kind, where),
                source_run_id=cells.text(meta.get("source_run_id"), kind, where),
                status=cells.number(meta.get("status"), kind, where) or 1,
                creation_time_ms=cells.number(meta.get("creation_timestamp"), kind, where),
                last_update_time_ms=cells.number(meta.get("last_updated_timestamp"), kind, where),
                deleted=cells.is_deleted(meta.get("lifecycle_stage"), kind, where),
                params=params,
                tags=tags,
                metrics=points,
            )
            yield from cells.take()
            yield record

    # --- the registry ---------------------------------------------------------------------------------------------

    def _registered(self, folder: Path) -> Records:
        kind, where, cells = "registered models", self._files.where(folder), self._cells
        numbered = sorted(
            (int(match[1]), one)
            for one in self._files.folders(folder, kind)
            if (match := _VERSION.fullmatch(one.name)) is not None
        )
        yield SizeRecord(kind, 1)
        yield SizeRecord("model versions", len(numbered))
        meta = self._files.meta(folder, kind) or {}
        versions = [found for number, one in numbered if (found := self._version(one, number)) is not None]
        tags = [Tag(*pair) for pair in self._files.texts(folder / "tags", "tags of registered models")]
        aliases = [
            (alias, cells.number(number, "aliases", where) or 0)
            for alias, number in self._files.texts(folder / "aliases", "aliases")
        ]
        yield SizeRecord("tags of registered models", number_of_files(folder / "tags"))
        yield SizeRecord("tags of model versions", sum(number_of_files(one / "tags") for _, one in numbered))
        yield SizeRecord("aliases", number_of_files(folder / "aliases"))
        record = RegisteredRecord(
            where=where,
            name=cells.text(meta.get("name") or folder.name, kind, where),
            description=cells.text(meta.get("description"), kind, where),
            creation_time_ms=cells.number(meta.get("creation_timestamp"), kind, where),
            last_update_time_ms=cells.number(meta.get("last_updated_timestamp"), kind, where),
            tags=tags,
            aliases=aliases,
            versions=versions,
        )
        yield from cells.take()
        yield record

    def _version(self, folder: Path, number: int) -> VersionRecord | None:
        kind, where, cells = "model versions", self._files.where(folder), self._cells
        meta = self._files.meta(folder, kind)
        if meta is None:
            cells.odd(kind, where, f"left: a version without {META}", 1)
            if lost := number_of_files(folder / "tags"):
                cells.odd("tags of model versions", where, "left: of a version that is", lost)
            return None
        if str(meta.get("version", number)) != str(number):
            cells.odd(kind, where, f"its {META} says that it is {meta['version']!r:.100}")
        if meta.get("status") not in (None, "READY") or meta.get("status_message"):
            said = (meta.get("status"), meta.get("status_message"))
            cells.odd(kind, where, f"its status is not kept: {said!r:.200}")
        if meta.get("user_id"):
            cells.odd(kind, where, f"who made it is not kept: {meta['user_id']!r:.100}")
        stage = meta.get("current_stage")
        return VersionRecord(
            where=where,
            version=number,
            source=cells.text(meta.get("source"), kind, where),
            storage_location=cells.text(meta.get("storage_location"), kind, where),
            run_id=cells.text(meta.get("run_id"), kind, where),
            run_link=cells.text(meta.get("run_link"), kind, where),
            model_id=cells.text(meta.get("model_id"), kind, where),
            description=cells.text(meta.get("description"), kind, where),
            stage="None" if stage is None else cells.text(stage, kind, where),
            creation_time_ms=cells.number(meta.get("creation_timestamp"), kind, where),
            last_update_time_ms=cells.number(meta.get("last_updated_timestamp"), kind, where),
            deleted=stage == DELETED_VERSION,
            tags=[Tag(*pair) for pair in self._files.texts(folder / "tags", "tags of model versions")],
        )


def _is_dataset(link: Meta) -> bool:
    return str(link.get("source_type")) == "DATASET"


# --- folders and files ------------------------------------------------------------------------------------------------


def _is_experiment(folder: Path) -> bool:
    return folder.name not in (MODELS, TRASH) and (folder / META).is_file()


def _has_runs(folder: Path) -> bool:
    return any(_RUN_ID.fullmatch(one.name) for one in folders_in(folder))


def _runs_in(experiment: Path) -> list[Path]:
    """The folders of runs: all but those with a name of their own that say nothing of themselves."""
    return [
        one
        for one in folders_in(experiment)
        if one.name not in _NO_RUNS and (_RUN_ID.fullmatch(one.name) or (one / META).is_file())
    ]


def _int64(text: bytes) -> int:
    """Raises ValueError for what is none."""
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError("more than 64 bits")
    return number


def _long_point(columns: list[bytes]) -> tuple[float | str, int, int]:
    """`time value`, as before 1.0, or `time value step name digest`, whose name may have blanks. Raises ValueError."""
    if len(columns) == 2:
        return event_value(float(columns[1])), _int64(columns[0]), 0
    if len(columns) < 5:
        raise ValueError("no point has so many columns")
    return event_value(float(columns[1])), _int64(columns[0]), _int64(columns[2])


def _model_point(columns: list[bytes], model_id: str, key: str) -> tuple[str, ModelMetric]:
    """`time value step run`, and then the name, with any number of blanks, and the digest of a dataset.

    Raises ValueError.
    """
    if len(columns) < 4 or len(columns) == 5:
        raise ValueError("no point has so many columns")
    has_dataset = len(columns) > 4
    return columns[3].decode(), ModelMetric(
        model_id=model_id,
        key=key,
        value=event_value(float(columns[1])),
        timestamp_ms=_int64(columns[0]),
        step=_int64(columns[2]),
        dataset_name=b" ".join(columns[4:-1]).decode() if has_dataset else None,
        dataset_digest=columns[-1].decode() if has_dataset else None,
    )
