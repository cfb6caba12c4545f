"""Whatever the shape of a document, both databases make the bytes that are rendered from the same values."""

import importlib
import pkgutil
from types import SimpleNamespace as Values
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query_api.logged_models.document import LOGGED_MODEL_BY_ID
from query_api.postgresql.dialect import POSTGRESQL
from query_api.registered_models.document import LATEST_VERSIONS_BY_NAME
from query_api.runs.document import RUN_BY_ID
from query_api.sqlite.dialect import SQLITE
from schemas import documents
from schemas.documents.rendering import Renderer
from schemas.documents.shape import (
    Constant,
    Digits,
    Document,
    Integer,
    Json,
    List,
    Member,
    Nested,
    Numbered,
    Object,
    Optional,
    Rows,
    Source,
    Text,
    Word,
)
from tests.examples import examples
from tests.unit.query_api.sqlite_rows import SqliteRows

MODELS = Source("logged_models", "m")
TAGS = List("tags", Rows("logged_model_tags", owner="model_id"), Object(Text("key"), Text("value")))
METRICS = List(
    "metrics",
    Rows("logged_model_metrics", owner="model_id"),
    Object(
        Optional(Text("dataset_name"), empty=""),
        Text("key"),
        Json("value", "value_json"),
        Optional(Text("dataset_digest")),
        Digits("step"),
    ),
)

TEXTS = st.text(
    alphabet=["a", "Ä", "🦔", '"', "\\", "/", "'", "{", "}", ",", "\n", "\t", "\x01", "\x1f", "\x7f", "?", "$"]
)
MODEL = st.fixed_dictionaries(
    {
        "name": TEXTS,
        "model_type": TEXTS,
        "source_run_id": TEXTS,
        "status": st.integers(0, 5),
        "creation_timestamp_ms": st.integers(-(2**63), 2**63 - 1),
    }
)
METRIC = st.fixed_dictionaries(
    {
        "step": st.integers(-(2**63), 2**63 - 1),
        "value": st.sampled_from([0.0, -0.0, 0.1, 1 / 3, 1e300]),
        "dataset_name": st.none() | TEXTS,
        "dataset_digest": st.none() | TEXTS,
    }
)
MEMBERS: tuple[Member, ...] = (
    Text("name"),
    Text("renamed", "model_type"),
    Word("lifecycle_stage"),
    Digits("digits", "creation_timestamp_ms"),
    Integer("number", "creation_timestamp_ms"),
    Numbered("status", "status", {1: "ONE", 2: "TWO"}, "ANOTHER"),
    Constant("workspace", "default"),
    Optional(Text("left out when empty", "source_run_id"), empty=""),
    Optional(Text("never left out", "source_run_id")),
    Optional(Integer("optional number", "creation_timestamp_ms")),
)
SOME = st.lists(st.sampled_from(MEMBERS), unique_by=lambda member: member.name, max_size=5)
SHAPES = st.builds(
    lambda before, inner, after, lists: Object(*before, *inner, *after, *lists),
    st.sampled_from([(), MEMBERS[-3:]]),
    st.builds(lambda members: (Nested("nested", Object(*members)),), SOME) | st.just(()),
    st.sampled_from([(), MEMBERS[:2], MEMBERS[2:7]]),
    st.sampled_from([(), (TAGS,), (METRICS,), (TAGS, METRICS)]),
)


async def _made(rows: SqliteRows, document: Document) -> bytes:
    documents = rows.dialect.documents
    [(body,)] = await rows.fetch(f"SELECT {documents.as_bytes(document)} FROM {documents.rows_of(document.source)}")
    return bytes(body)


@settings(max_examples=examples(120), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(shape=SHAPES, model=MODEL, tags=st.dictionaries(TEXTS, TEXTS, max_size=3), metrics=st.lists(METRIC, max_size=2))
async def test_a_database_makes_what_is_rendered(
    rows: SqliteRows, shape: Object, model: dict[str, Any], tags: dict[str, str], metrics: list[dict[str, Any]]
) -> None:
    rows.clear()
    rows.logged_model("m-1", tags=tags, **model)
    for number, metric in enumerate(metrics):
        rows.logged_model_metric("m-1", f"k{number}", **metric)
    values = Values(
        **model,
        lifecycle_stage="active",
        tags=[Values(key=key, value=value) for key, value in sorted(tags.items())],
        metrics=[
            Values(**metric, key=f"k{number}", value_json=orjson.dumps(metric["value"]).decode())
            for number, metric in enumerate(metrics)
        ],
    )
    assert await _made(rows, Document(MODELS, shape)) == Renderer(shape).render(values)


async def test_a_joined_row_may_be_missing(rows: SqliteRows) -> None:
    rows.run("r", experiment_id=7)
    source = Source("runs", "r", joined=Source("experiments", "e"))
    document = Document(source, Object(Text("run_id"), Optional(Text("claim"))))
    assert await _made(rows, document) == b'{"run_id":"r"}'


VERSIONS = Source("model_versions", "v")


async def test_a_list_may_be_of_texts(rows: SqliteRows) -> None:
    rows.registered_model("m")
    for number, aliases in enumerate(([], ["b"], ["ä", 'z"', "Z"]), start=1):
        rows.model_version("m", number, aliases=aliases)
    shape = Object(
        Digits("version"), List("aliases", Rows("registered_model_aliases", owner="version_id"), Text("alias"))
    )
    made = await _made_all(rows, Document(VERSIONS, shape))
    values = [
        Values(version=1, aliases=[]),
        Values(version=2, aliases=["b"]),
        Values(version=3, aliases=["Z", 'z"', "ä"]),
    ]
    assert made == {Renderer(shape).render(one) for one in values}


async def test_a_list_may_have_a_condition_and_an_order_of_its_own_and_lists_inside(rows: SqliteRows) -> None:
    for name in ("m", "n", "none"):
        rows.registered_model(name)
    for number in range(1, 12):
        rows.model_version("m", number, tags=dict.fromkeys(("b", "a")[: number % 3], f"{number}"))
    rows.model_version("n", 1)
    versions = Rows(
        "model_versions",
        owner="registered_model_id",
        where="model_versions.version <> length(m.name) + 1",
        order="model_versions.version % 4, model_versions.version",
    )
    tags = List("tags", Rows("model_version_tags", owner="version_id"), Object(Text("key"), Text("value")))
    shape = Object(Text("name"), List("versions", versions, Object(Integer("version"), tags)))
    values = [
        Values(
            name="m",
            versions=[
                Values(version=one, tags=[Values(key=key, value=f"{one}") for key in sorted(("b", "a")[: one % 3])])
                for one in (4, 8, 1, 5, 9, 6, 10, 3, 7, 11)
            ],
        ),
        Values(name="n", versions=[Values(version=1, tags=[])]),
        Values(name="none", versions=[]),
    ]
    document = Document(Source("registered_models", "m"), shape)
    assert await _made_all(rows, document) == {Renderer(shape).render(one) for one in values}


async def _made_all(rows: SqliteRows, document: Document) -> set[bytes]:
    documents = rows.dialect.documents
    found = await rows.fetch(f"SELECT {documents.as_bytes(document)} FROM {documents.rows_of(document.source)}")
    return {bytes(body) for (body,) in found}


def declared_documents() -> list[Document]:
    """Every document of every module of `schemas.documents`."""
    names = [module.name for module in pkgutil.iter_modules(documents.__path__, f"{documents.__name__}.")]
    values = [value for name in names for value in vars(importlib.import_module(name)).values()]
    return [value for value in values if isinstance(value, Document)]


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL])
def test_the_read_model_has_every_column_of_every_document(dialect: Any) -> None:
    assert len(declared_documents()) >= 4
    for document in declared_documents():
        assert dialect.documents.as_text(document)


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL])
def test_a_column_that_no_table_has_is_an_error(dialect: Any) -> None:
    with pytest.raises(KeyError, match="no_such_column"):
        dialect.documents.as_text(Document(MODELS, Object(Text("no_such_column"))))
    with pytest.raises(KeyError, match="no_such_table"):
        dialect.documents.as_text(Document(Source("no_such_table", "t"), Object(Text("a"))))


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL])
def test_a_document_is_compiled_once(dialect: Any) -> None:
    for keyed in (RUN_BY_ID, LOGGED_MODEL_BY_ID, LATEST_VERSIONS_BY_NAME):
        assert dialect.documents.by_key(keyed) is dialect.documents.by_key(keyed)
