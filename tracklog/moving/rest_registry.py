"""The model registry of a running server, prompts included."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from schemas.events import Tag
from tracklog.moving.cells import Cells
from tracklog.moving.records import OddityRecord, Records, RegisteredRecord, SizeRecord, VersionRecord
from tracklog.moving.rest_client import ABSENT, Refused, RestClient

_MLFLOW: Final = "api/2.0/mlflow"
_PROMPTS: Final = "tags.`mlflow.prompt.is_prompt` = 'true'"
"""Searches leave prompts out unless they ask for them."""

_AT_ONCE: Final = 200


class RestRegistry:
    """Reads registered models, each with its versions. Of versions that were deleted no route tells."""

    def __init__(self, client: RestClient, cells: Cells) -> None:
        self._client = client
        self._cells = cells

    def records(self) -> Records:
        """Each registered model, and each prompt."""
        seen: set[str] = set()
        for wanted in ("", _PROMPTS):
            for model in self._found("registered-models", "registered_models", wanted):
                if model.get("name") not in seen:
                    seen.add(str(model.get("name")))
                    yield from self._model(model, prompts=bool(wanted))

    def _found(self, collection: str, name: str, wanted: str) -> Iterator[Mapping[str, Any]]:
        """What a search finds; nothing where the server has no registry, or no such filter."""
        query = {"max_results": _AT_ONCE, **({"filter": wanted} if wanted else {})}
        try:
            for page in self._client.pages(self._client.get, f"{_MLFLOW}/{collection}/search", query):
                yield from page.get(name, ())
        except Refused as error:
            if error.status not in ABSENT and not (wanted == _PROMPTS and error.status == 400):
                raise

    def _model(self, model: Mapping[str, Any], *, prompts: bool) -> Records:
        kind, cells = "registered models", self._cells
        name = cells.text(model.get("name"), kind, "registered models")
        where = f"registered model {name!r:.100}"
        yield SizeRecord(kind, 1)
        versions = []
        if (quoted := _quoted(name)) is None:
            yield OddityRecord("model versions", where, "not read: no filter can name a model with both quotes")
        else:
            wanted = f"name = {quoted}" + (f" AND {_PROMPTS}" if prompts else "")
            numbered = {
                version.version: version
                for one in self._found("model-versions", "model_versions", wanted)
                for version in self._version(one, where)
            }
            versions = sorted(numbered.values(), key=lambda one: one.version)
        record = RegisteredRecord(
            where=where,
            name=name,
            description=cells.text(model.get("description"), kind, where),
            creation_time_ms=cells.number(model.get("creation_timestamp"), kind, where),
            last_update_time_ms=cells.number(model.get("last_updated_timestamp"), kind, where),
            tags=self._tags(model.get("tags"), "tags of registered models", where),
            aliases=[
                (
                    cells.text(one.get("alias"), "aliases", where),
                    cells.number(one.get("version"), "aliases", where) or 0,
                )
                for one in model.get("aliases", ())
            ],
            versions=versions,
        )
        yield SizeRecord("tags of registered models", len(record.tags))
        yield SizeRecord("aliases", len(record.aliases))
        yield SizeRecord("model versions", len(versions))
        yield SizeRecord("tags of model versions", sum(len(one.tags) for one in versions))
        yield from cells.take()
        yield record

    def _version(self, found: Mapping[str, Any], of_model: str) -> Iterator[VersionRecord]:
        kind, cells = "model versions", self._cells
        where = f"{of_model}, version {found.get('version')}"
        number = cells.number(found.get("version"), kind, where)
        if number is None:
            return
        if found.get("status") not in (None, "", "READY") or found.get("status_message"):
            said = (found.get("status"), found.get("status_message"))
            cells.odd(kind, where, f"its status is not kept: {said!r:.200}")
        if found.get("user_id"):
            cells.odd(kind, where, f"who made it is not kept: {found['user_id']!r:.100}")
        yield VersionRecord(
            where=where,
            version=number,
            source=cells.text(found.get("source"), kind, where),
            storage_location=self._storage_location(found),
            run_id=cells.text(found.get("run_id"), kind, where),
            run_link=cells.text(found.get("run_link"), kind, where),
            model_id=cells.text(found.get("model_id"), kind, where),
            description=cells.text(found.get("description"), kind, where),
            stage=cells.text(found.get("current_stage"), kind, where) or "None",
            creation_time_ms=cells.number(found.get("creation_timestamp"), kind, where),
            last_update_time_ms=cells.number(found.get("last_updated_timestamp"), kind, where),
            tags=self._tags(found.get("tags"), "tags of model versions", where),
        )

    def _storage_location(self, version: Mapping[str, Any]) -> str:
        """Where its files are; the version itself says only what it was made from."""
        wanted = {"name": version.get("name"), "version": version.get("version")}
        try:
            found = self._client.get(f"{_MLFLOW}/model-versions/get-download-uri", wanted).get("artifact_uri", "")
        except Refused:
            return ""
        return self._cells.text(found, "model versions", str(wanted))

    def _tags(self, found: Sequence[Mapping[str, Any]] | None, kind: str, where: str) -> list[Tag]:
        return [
            Tag(self._cells.text(one.get("key"), kind, where), self._cells.text(one.get("value"), kind, where))
            for one in found or ()
        ]


def _quoted(name: str) -> str | None:
    """A name as a filter has it; filters know no escapes."""
    if "'" not in name:
        return f"'{name}'"
    return f'"{name}"' if '"' not in name else None
