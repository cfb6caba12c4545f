"""The logged models of a database of MLflow, with their params, tags and points."""

from schemas.events import ModelMetric, Param, Tag
from tracklog.moving.cells import Cells
from tracklog.moving.database_points import point
from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.grouped import Grouped, Row
from tracklog.moving.records import LoggedModelRecord, Records


class LoggedModelReader:
    """Reads them in the order of their ids."""

    def __init__(self, rows: DatabaseRows, cells: Cells) -> None:
        self._rows = rows
        self._cells = cells

    def records(self) -> Records:
        """Each logged model with all that is its own."""
        by_model = ("model_id",)
        kinds = ("params of logged models", "tags of logged models", "points of logged models")
        params = Grouped(
            self._rows.blocks_of(
                "logged_model_params", ("model_id", "param_key", "param_value"), by_model, then=("param_key",)
            ),
            kinds[0],
        )
        tags = Grouped(
            self._rows.blocks_of(
                "logged_model_tags", ("model_id", "tag_key", "tag_value"), by_model, then=("tag_key",)
            ),
            kinds[1],
        )
        columns = (
            "model_id",
            "run_id",
            "metric_name",
            "metric_value",
            "metric_timestamp_ms",
            "metric_step",
            "dataset_name",
            "dataset_digest",
        )
        points = Grouped(
            self._rows.blocks_of(
                "logged_model_metrics",
                columns,
                by_model,
                then=("run_id", "metric_name", "metric_step", "metric_timestamp_ms"),
            ),
            kinds[2],
        )
        names = (
            "model_id",
            "experiment_id",
            "name",
            "artifact_location",
            "model_type",
            "source_run_id",
            "status",
            "creation_timestamp_ms",
            "last_updated_timestamp_ms",
            "lifecycle_stage",
            "status_message",
        )
        kind, cells = "logged models", self._cells
        for row in self._rows.of("logged_models", names, by_model, then=()):
            model_id = row[0]
            for stream in (params, tags, points):
                yield from stream.before(model_id)
            where = f"logged_models, model_id {model_id!r:.50}"
            if row[10]:
                cells.odd(kind, where, f"its status message is not kept: {row[10]!r:.200}")
            yield LoggedModelRecord(
                where=where,
                model_id=cells.text(model_id, kind, where),
                experiment_key=str(row[1]),
                name=cells.text(row[2], kind, where),
                artifact_location=cells.text(row[3], kind, where),
                model_type=cells.text(row[4], kind, where),
                source_run_id=cells.text(row[5], kind, where),
                status=cells.number(row[6], kind, where) or 1,
                creation_time_ms=cells.number(row[7], kind, where),
                last_update_time_ms=cells.number(row[8], kind, where),
                deleted=cells.is_deleted(row[9], kind, where),
                params=[Param(*self._cells.pair(one, kinds[0], where)) for one in params.of(model_id)],
                tags=[Tag(*self._cells.pair(one, kinds[1], where)) for one in tags.of(model_id)],
                metrics=[found for one in points.of(model_id) if (found := self._model_point(where, one)) is not None],
            )
            yield from self._cells.take()
        for stream in (params, tags, points):
            yield from stream.before(None)

    def _model_point(self, where: str, row: Row) -> tuple[str, ModelMetric] | None:
        model_id, run_id, name, value, time_ms, step, dataset, digest = row
        kind = "points of logged models"
        found = point(self._cells, kind, where, value, time_ms, step, False)
        if found is None:
            return None
        return self._cells.text(run_id, kind, where), ModelMetric(
            model_id=self._cells.text(model_id, kind, where),
            key=self._cells.text(name, kind, where),
            value=found[0],
            timestamp_ms=found[1],
            step=found[2],
            dataset_name=None if dataset is None else self._cells.text(dataset, kind, where),
            dataset_digest=None if digest is None else self._cells.text(digest, kind, where),
        )
