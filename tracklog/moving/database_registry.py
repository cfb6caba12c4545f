"""The model registry of a database of MLflow."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from schemas.events import Tag
from tracklog.moving.cells import Cells
from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.grouped import Row
from tracklog.moving.records import DELETED_VERSION, OddityRecord, Records, RegisteredRecord, VersionRecord

_VERSION: Final = (
    "version",
    "source",
    "storage_location",
    "run_id",
    "run_link",
    "model_id",
    "description",
    "current_stage",
    "status",
    "status_message",
    "creation_time",
    "last_updated_time",
    "user_id",
)


class RegistryReader:
    """Reads registered models; in databases from 3.10 on their names are unique in a workspace."""

    def __init__(self, rows: DatabaseRows, cells: Cells) -> None:
        self._rows = rows
        self._cells = cells

    def records(self) -> Records:
        """Each registered model with its versions. They are held in memory: of a registry there is not much."""
        tags = self._by_model("registered_model_tags", ("key", "value"))
        aliases = self._by_model("registered_model_aliases", ("alias", "version"))
        version_tags = self._by_model("model_version_tags", ("version", "key", "value"))
        versions = self._by_model("model_versions", _VERSION)
        kind, cells = "registered models", self._cells
        names = ("workspace", "name", "description", "creation_time", "last_updated_time")
        for workspace, name, description, created, updated in self._rows.of("registered_models", names, then=names[:2]):
            key = (workspace, name)
            where = f"registered_models, name {name!r:.100}"
            its_tags = defaultdict(list)
            for row in version_tags.pop(key, ()):
                its_tags[row[0]].append(
                    Tag(*self._cells.pair(row, "tags of model versions", f"{where}, version {row[0]}"))
                )
            numbered = [self._version(where, row, its_tags.pop(row[0], ())) for row in versions.pop(key, ())]
            for number, lost in its_tags.items():
                cells.odd("tags of model versions", f"{where}, version {number}", "there is no such version", len(lost))
            yield RegisteredRecord(
                where=where,
                name=cells.text(name, kind, where),
                description=cells.text(description, kind, where),
                creation_time_ms=cells.number(created, kind, where),
                last_update_time_ms=cells.number(updated, kind, where),
                tags=[Tag(*self._cells.pair(row, "tags of registered models", where)) for row in tags.pop(key, ())],
                aliases=[
                    (cells.text(alias, "aliases", where), cells.number(version, "aliases", where) or 0)
                    for alias, version in aliases.pop(key, ())
                ],
                versions=sorted(numbered, key=lambda one: one.version),
            )
            yield from self._cells.take()
        for kind, rest in (
            ("tags of registered models", tags),
            ("aliases", aliases),
            ("tags of model versions", version_tags),
            ("model versions", versions),
        ):
            for (_, name), rows in rest.items():
                yield OddityRecord(kind, f"model {name!r:.100}", "there is no such registered model", len(rows))

    def _by_model(self, table: str, names: Sequence[str]) -> dict[tuple[Any, Any], list[Row]]:
        found: dict[tuple[Any, Any], list[Row]] = defaultdict(list)
        for row in self._rows.of(table, ("workspace", "name", *names), then=("workspace", "name", *names[:2])):
            found[row[0], row[1]].append(row[2:])
        return found

    def _version(self, where: str, row: Row, tags: Sequence[Tag]) -> VersionRecord:
        kind, cells = "model versions", self._cells
        (
            version,
            source,
            location,
            run_id,
            run_link,
            model_id,
            description,
            stage,
            status,
            message,
            created,
            updated,
            user,
        ) = row
        where = f"{where}, version {version}"
        if status not in (None, "", "READY") or message:
            cells.odd(kind, where, f"its status is not kept: {status!r:.50}, {message!r:.200}")
        if user:
            cells.odd(kind, where, f"who made it is not kept: {user!r:.100}")
        return VersionRecord(
            where=where,
            version=cells.number(version, kind, where) or 0,
            source=cells.text(source, kind, where),
            storage_location=cells.text(location, kind, where),
            run_id=cells.text(run_id, kind, where),
            run_link=cells.text(run_link, kind, where),
            model_id=cells.text(model_id, kind, where),
            description=cells.text(description, kind, where),
            stage=cells.text(stage, kind, where),
            creation_time_ms=cells.number(created, kind, where),
            last_update_time_ms=cells.number(updated, kind, where),
            deleted=stage == DELETED_VERSION,
            tags=tags,
        )
