"""What the ids, names, paths and URIs of requests belong to."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from query_api.port import ReadModel, Row
from read_model.tables.experiments import FIRST_CHARACTERS, LOCATION_CHARACTERS
from schemas.artifact_uris import PROXIED_SCHEMES, PROXY_ROUTE
from schemas.documents.label_schemas import experiment_of_default
from schemas.levels import PROMPT, REGISTERED_MODEL
from schemas.rest.access import ISSUE, LABEL_SCHEMA, LOGGED_MODEL, REVIEW_QUEUE, RUN, TRACE

REMEMBERED: Final = 20_000
"""Runs and logged models whose experiments are remembered: they never move to another."""

MAX_SEGMENTS: Final = 40
"""Of a path, at whose beginning the location of an experiment may be."""

PROXY_ROOT: Final = "mlflow-artifacts:/"

_PARTS: Final = {"models": LOGGED_MODEL, "traces": TRACE}
_RUN_ID_CHARACTERS: Final = 32


class NamedModel(NamedTuple):
    """A registered model or prompt by the id that it keeps."""

    id: str
    is_prompt: bool

    @property
    def type(self) -> str:
        return PROMPT if self.is_prompt else REGISTERED_MODEL


class Belonging(NamedTuple):
    """What of an experiment an artifact belongs to: a run, a logged model, a trace, or with an empty type itself."""

    experiment_id: int
    type: str


class Resources:
    """Finds what was acknowledged before: `caught_up` waits for the read model when something is not there.

    `roots` are where the artifacts of experiments lie that no location was chosen for, and what the artifact proxy
    serves. Every method raises TemporarilyUnavailable when the read model cannot be asked, or does not catch up.
    """

    def __init__(
        self, read_model: ReadModel, caught_up: Callable[[], Awaitable[object]], roots: tuple[str, ...] = ()
    ) -> None:
        self._read_model = read_model
        self._caught_up = caught_up
        self._roots = tuple(root.rstrip("/") for root in roots if root)
        self._experiments: dict[tuple[str, str], int] = {}
        statement = read_model.dialect.statement
        self._experiment_of = {
            RUN: statement("SELECT experiment_id FROM runs WHERE run_id = $1"),
            ISSUE: statement("SELECT experiment_id FROM issues WHERE issue_id = $1"),
            LABEL_SCHEMA: statement("SELECT experiment_id FROM label_schemas WHERE schema_id = $1"),
            REVIEW_QUEUE: statement("SELECT experiment_id FROM review_queues WHERE queue_id = $1"),
            LOGGED_MODEL: statement("SELECT experiment_id FROM logged_models WHERE model_id = $1"),
            TRACE: statement("SELECT experiment_id FROM traces WHERE trace_id = $1"),
        }
        self._named_sql = statement("SELECT experiment_id FROM experiments WHERE name = $1")
        self._model_sql = statement("SELECT registered_model_id, is_prompt FROM registered_models WHERE name = $1")
        self._datasets_sql = statement("SELECT experiment_id FROM evaluation_dataset_experiments WHERE dataset_id = $1")
        self._located_sql = statement(
            f"SELECT experiment_id, artifact_location FROM experiments WHERE {FIRST_CHARACTERS} = ANY($1)"
            " AND artifact_location = ANY($2)"
        )
        self._below_sql = statement(
            f"SELECT experiment_id FROM experiments WHERE {FIRST_CHARACTERS} BETWEEN $1 AND $2"
            " AND artifact_location >= $3 AND artifact_location < $4 LIMIT 1000"
        )

    async def experiment_of(self, resource_type: str, key: str) -> int | None:
        """The experiment of a run, a logged model or a trace; None where there is no such thing."""
        if resource_type == LABEL_SCHEMA and (of_default := experiment_of_default(key)) is not None:
            return of_default
        known = self._experiments.get((resource_type, key))
        if known is not None:
            return known
        row = await self._row(self._experiment_of[resource_type], key)
        if row is None:
            return None
        experiment_id: int = row[0]
        if resource_type == TRACE:  # it may move
            return experiment_id
        if len(self._experiments) >= REMEMBERED:
            self._experiments.clear()
        self._experiments[resource_type, key] = experiment_id
        return experiment_id

    async def experiment_of_trace_now(self, trace_id: str) -> int | None:
        """The experiment of a trace as far as the read model is; None where it has none yet."""
        rows = await self._read_model.lookup(self._experiment_of[TRACE], (trace_id,))
        return rows[0][0] if rows else None

    async def experiment_named(self, name: str) -> int | None:
        row = await self._row(self._named_sql, name)
        return None if row is None else row[0]

    async def experiments_of_dataset(self, dataset_id: str) -> list[int]:
        """The experiments that an evaluation dataset is for: looked for again, since they change, at every request."""
        await self._caught_up()
        return [row[0] for row in await self._read_model.lookup(self._datasets_sql, (dataset_id,))]

    async def model_named(self, name: str) -> NamedModel | None:
        row = await self._row(self._model_sql, name)
        return None if row is None else NamedModel(row[0], row[1] == 1)

    async def owners_of_path(self, path: str) -> list[Belonging]:
        """What the artifact at a path behind the artifact proxy belongs to; nothing where nobody chose its place."""
        found = {part for root in (PROXY_ROOT, *self._roots) for part in await self._located(root, path)}
        return sorted(found)

    async def owners_below_path(self, path: str) -> list[int]:
        """The experiments whose artifacts lie below a path behind the proxy, a thousand of each root at most."""
        plain = "/".join(segment for segment in path.split("/") if segment)
        uris = [f"{root.rstrip('/')}/{plain}" for root in (PROXY_ROOT, *self._roots)]
        return sorted({one for uri in uris for one in await self.owners_below(uri)})

    async def owners_of_uri(self, uri: str) -> list[Belonging]:
        """The same of a URI. One behind the proxy, however it is written, is what its path is."""
        path = proxied_path(uri)
        if path is not None:
            return await self.owners_of_path(path)
        root, _, below = uri.partition("://")
        return await self._located(f"{root}://", below) if below else []

    async def owners_below(self, uri: str) -> list[int]:
        """The experiments whose artifacts lie below a URI, a thousand at most."""
        begin = f"{uri.rstrip('/')}/"
        end = f"{begin[:-1]}0"  # "0" comes after "/"
        bounds = (begin[:LOCATION_CHARACTERS], end[:LOCATION_CHARACTERS], begin, end)
        rows = await self._read_model.fetch(self._below_sql, bounds)
        return [row[0] for row in rows]

    def is_served(self, uri: str) -> bool:
        """Whether a URI lies in a store that this server reads, or around it."""
        plain = uri.rstrip("/")
        return any(
            plain == root or plain.startswith(f"{root}/") or root.startswith(f"{plain}/") for root in self._roots
        )

    async def _row(self, sql: str, key: str) -> Row | None:
        """The row of a key; what is not there is looked for again when the read model has caught up."""
        rows = await self._read_model.lookup(sql, (key,))
        if not rows:
            await self._caught_up()
            rows = await self._read_model.lookup(sql, (key,))
        return rows[0] if rows else None

    async def _located(self, root: str, path: str) -> list[Belonging]:
        segments = [segment for segment in path.split("/") if segment]
        begin = root if root.endswith("/") else f"{root}/"
        places = {
            f"{begin}{'/'.join(segments[:depth])}": depth for depth in range(1, min(len(segments), MAX_SEGMENTS) + 1)
        }
        if not places:
            return []
        listed = self._read_model.dialect.listed
        begins = tuple({place[:LOCATION_CHARACTERS] for place in places})
        rows = await self._read_model.lookup(self._located_sql, (listed(begins), listed(tuple(places))))
        return [Belonging(experiment_id, _type_of(segments[places[location] :])) for experiment_id, location in rows]


def proxied_path(uri: str) -> str | None:
    """The path behind the artifact proxy that a URI names, None for a URI of another kind."""
    parts = urlsplit(uri)
    if parts.scheme not in PROXIED_SCHEMES:
        return None
    if parts.scheme == "mlflow-artifacts":
        return unquote(parts.path)
    _, anchor, path = parts.path.partition(PROXY_ROUTE)
    return unquote(path) if anchor else None


def _type_of(below: list[str]) -> str:
    """What the artifacts in a folder of an experiment belong to. Source: where MLflow puts them."""
    if not below:
        return ""
    first = below[0]
    return RUN if len(first) == _RUN_ID_CHARACTERS and first.isalnum() else _PARTS.get(first, "")
