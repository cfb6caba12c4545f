"""What PostgreSQL answers is what SQLite answers, byte for byte, whatever the rows and the question."""

import math
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query_api.datasets.search import search_datasets
from query_api.experiments.document import EXPERIMENT_BY_ID, EXPERIMENT_BY_NAME
from query_api.experiments.search import search_experiments
from query_api.logged_models.document import LOGGED_MODEL_BY_ID
from query_api.logged_models.search import search_logged_models
from query_api.model_versions.document import MODEL_VERSION_BY_REFERENCE
from query_api.model_versions.search import search_model_versions
from query_api.registered_models import registry_search
from query_api.registered_models.document import (
    LATEST_VERSIONS_BY_NAME,
    MODEL_VERSION_BY_ALIAS,
    REGISTERED_MODEL_BY_NAME,
)
from query_api.registered_models.search import search_registered_models
from query_api.runs.document import RUN_BY_ID
from query_api.runs.search.search import search_runs
from schemas.messages.experiments import SearchDatasets, SearchExperiments
from schemas.messages.logged_models import LoggedModelsOrderBy, SearchLoggedModels
from schemas.messages.model_versions import SearchModelVersions
from schemas.messages.registered_models import SearchRegisteredModels
from schemas.messages.runs import SearchRuns
from schemas.mlflow import IS_PROMPT_TAG
from tests.examples import examples
from tests.unit.query_api.postgresql_rows import PostgresqlRows
from tests.unit.query_api.sqlite_rows import SqliteRows

# Ordered otherwise by languages than by code points, and beyond what an index holds of them; few, so that they meet.
WORDS = ("", "a", "A", "Ä", "ä", "x" * 65, "x" * 65 + "y", "x" * 63 + "🦔a")
HARD = ("_", "a%", "\\", "'", '"', "\x01", "\n", " ", "ß", "ﬀ", "z")
TEXTS = st.sampled_from(WORDS * 3 + HARD)
NUMBERS = st.sampled_from((0.0, -0.0, 1.0, 0.1, 1 / 3, -1e-308, 1.7976931348623157e308, math.nan))
TIMES = st.sampled_from((0, 1, 2, -1, 2**53 + 1, 2**63 - 1))

RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "experiment_id": st.sampled_from((1, 1, 1, 2)),
            "start_time_ms": TIMES,
            "end_time_ms": st.none() | TIMES,
            "name": TEXTS,
            "user_id": TEXTS,
            "status": st.sampled_from(("RUNNING", "FINISHED")),
            "lifecycle_stage": st.sampled_from(("active", "active", "deleted")),
            "lifecycle_us": st.sampled_from((1, 3)),
            "experiment_revision": st.sampled_from((None, 1, 2, 3)),
            "metrics": st.dictionaries(st.sampled_from("mmn"), NUMBERS),
            "params": st.dictionaries(st.sampled_from("ppé"), TEXTS, min_size=1),
            "tags": st.dictionaries(st.sampled_from(("t", "mlflow.runName")), TEXTS),
        }
    ),
    min_size=4,
    max_size=12,
)
PATTERNS = st.one_of(
    TEXTS, TEXTS.map(lambda text: f"{text}%"), st.lists(TEXTS | st.sampled_from("%_"), max_size=3).map("".join)
)


def quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


def is_quotable(text: str) -> bool:
    return not ("'" in text and '"' in text)


COMPARED = st.sampled_from(
    ("params.p", "params.p", "params.é", "params.none", "tags.t", "status", "user_id", "run_name")
)
CONDITIONS = st.one_of(
    st.builds(
        lambda key, operator, text: f"{key} {operator} {quoted(text)}",
        COMPARED,
        st.sampled_from(("=", "!=")),
        TEXTS.filter(is_quotable),
    ),
    st.builds(
        lambda key, operator, text: f"{key} {operator} {quoted(text)}",
        COMPARED,
        st.sampled_from(("LIKE", "ILIKE")),
        PATTERNS.filter(is_quotable),
    ),
    st.builds(
        lambda key, operator, number: f"{key} {operator} {number}",
        st.sampled_from(("metrics.m", "metrics.n", "start_time", "end_time")),
        st.sampled_from(("=", "!=", "<", "<=", ">", ">=")),
        st.sampled_from(
            ("0", "1", "0.1", "1.5", "-0.5", "2", "9223372036854775807", "1e300", "-1e18", "9007199254740993")
        ),
    ),
    st.builds(
        lambda key, negation: f"{key} IS {negation}NULL",
        st.sampled_from(("params.p", "params.é", "tags.t", "tags.none")),
        st.sampled_from(("", "NOT ")),
    ),
)
ORDERS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *("metrics.m", "metrics.n", "params.p", "params.`é`", "tags.t"),
                *("status", "run_name", "start_time", "end_time", "user_id"),
            )
        ),
        st.sampled_from((" ASC", " DESC")),
    ).map("".join),
    max_size=3,
    unique_by=lambda text: text.split()[0],
)


@pytest.fixture
async def postgresql(postgresql_tables: str) -> AsyncIterator[PostgresqlRows]:
    rows = PostgresqlRows(postgresql_tables)
    yield rows
    await rows.close()


@pytest.fixture
def both(postgresql: PostgresqlRows) -> "Both":
    return Both(postgresql)


class Both:
    """The rows that PostgreSQL copies lie in SQLite: ask both."""

    def __init__(self, postgresql: PostgresqlRows) -> None:
        self.postgresql = postgresql
        self.sqlite = SqliteRows()
        self.sqlite.connection.close()
        self.sqlite.connection = postgresql.connection


def fill(rows: SqliteRows, runs: list[dict[str, object]]) -> None:
    rows.clear()
    rows.experiment(1, lifecycle_us=2, lifecycle_revision=2)
    rows.experiment(2, lifecycle_us=2, lifecycle_stage="deleted", lifecycle_revision=2, name="ä")
    for number, run in enumerate(runs):
        rows.run(f"{number * 7 % 12:02}", **run)  # type: ignore[arg-type]  # drawn by name


PROPERTY = settings(
    max_examples=examples(150),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@PROPERTY
@given(
    runs=RUNS,
    conditions=st.lists(CONDITIONS, max_size=2),
    order_by=ORDERS,
    experiment_ids=st.sampled_from((["1"], ["1", "2"])),
    view=st.sampled_from(("ACTIVE_ONLY", "DELETED_ONLY", "ALL", "ALL")),
    max_results=st.integers(1, 5),
)
async def test_run_searches(
    both: Both,
    runs: list[dict[str, object]],
    conditions: list[str],
    order_by: list[str],
    experiment_ids: list[str],
    view: str,
    max_results: int,
) -> None:
    fill(both.postgresql, runs)
    token = ""
    while True:
        message = SearchRuns(
            experiment_ids=experiment_ids,
            filter=" AND ".join(conditions),
            order_by=order_by,
            run_view_type=view,
            max_results=max_results,
            page_token=token,
        )
        page = await search_runs(both.postgresql, message)
        assert page == await search_runs(both.sqlite, message)
        token = orjson.loads(page).get("next_page_token", "")
        if not token:
            return


@PROPERTY
@given(
    names=st.lists(TEXTS, min_size=4, max_size=8, unique=True),
    condition=st.builds(
        lambda key, operator, text: f"{key} {operator} {quoted(text)}",
        st.sampled_from(("name", "tags.t")),
        st.sampled_from(("=", "!=", "LIKE", "ILIKE")),
        PATTERNS.filter(is_quotable),
    ),
    order_by=st.lists(st.sampled_from(("name", "name DESC", "creation_time", "last_update_time DESC")), max_size=2),
)
async def test_experiment_searches(both: Both, names: list[str], condition: str, order_by: list[str]) -> None:
    both.postgresql.clear()
    for number, name in enumerate(names):
        both.postgresql.experiment(number, name=name, creation_time_ms=number % 2, last_update_time_ms=number % 3)
        both.postgresql.insert("experiment_tags", experiment_id=number, key="t", value=names[number - 1])
    for filter_text in ("", condition):
        message = SearchExperiments(filter=filter_text, order_by=order_by, max_results=3)
        assert await search_experiments(both.postgresql, message) == await search_experiments(both.sqlite, message)


@PROPERTY
@given(
    values=st.lists(st.tuples(TEXTS, NUMBERS.filter(math.isfinite), TIMES), min_size=3, max_size=8),
    condition=st.one_of(
        st.builds(
            lambda key, operator, text: f"{key} {operator} {quoted(text)}",
            st.sampled_from(("name", "params.p", "tags.t")),
            st.sampled_from(("=", "!=", "LIKE", "ILIKE")),
            PATTERNS.filter(lambda text: "'" not in text and '"' not in text),
        ),
        st.sampled_from(
            ("metrics.m > 0", "creation_time > 0.5", "creation_time <= 9007199254740993", "status IN ('1', '2')")
        ),
        st.sampled_from(("status = 'PENDING'", "status != 'READY'", "status IN ('READY', 'FAILED')")),
    ),
    order=st.sampled_from(("name", "metrics.m", "creation_time", "status", "metrics.none")),
    ascending=st.booleans(),
)
async def test_logged_model_searches(
    both: Both, values: list[tuple[str, float, int]], condition: str, order: str, ascending: bool
) -> None:
    rows = both.postgresql
    rows.clear()
    for number, (text, value, time_ms) in enumerate(values):
        model_id = f"m-{number}"
        rows.logged_model(
            model_id,
            name=text,
            params={"p": text, "é": text},
            tags={"t": text},
            status=number % 4,
            creation_timestamp_ms=time_ms,
        )
        rows.logged_model_metric(model_id, "m", value, timestamp_ms=time_ms, dataset_name=text)
    for filter_text in ("", condition):
        message = SearchLoggedModels(
            experiment_ids=["1"],
            filter=filter_text,
            max_results=5,
            order_by=[LoggedModelsOrderBy(field_name=order, ascending=ascending)],
        )
        assert await search_logged_models(rows, message) == await search_logged_models(both.sqlite, message)


REGISTRY_TAGS = st.dictionaries(st.sampled_from(("t", "é", IS_PROMPT_TAG)), TEXTS | st.sampled_from(("true", "TRUE")))
STAGES = st.sampled_from(("None", "Staging", "Production", "Archived"))
REGISTRY = st.lists(
    st.fixed_dictionaries(
        {
            "description": TEXTS,
            "last_updated_timestamp_ms": TIMES,
            "tags": REGISTRY_TAGS,
            "versions": st.lists(
                st.fixed_dictionaries(
                    {
                        "current_stage": STAGES,
                        "last_updated_timestamp_ms": TIMES,
                        "description": st.none() | TEXTS,
                        "run_id": TEXTS,
                        "source": TEXTS,
                        "tags": REGISTRY_TAGS,
                    }
                ),
                max_size=5,
            ),
        }
    ),
    min_size=2,
    max_size=5,
)
NAMES = tuple(text for text in (*WORDS, *HARD) if text.strip() and "\0" not in text)
MARKED = st.sampled_from(("", *(f"tags.`{IS_PROMPT_TAG}` {test}" for test in ("= 'true'", "!= 'false'", "= 'x'"))))


def fill_registry(rows: SqliteRows, models: list[dict[str, Any]]) -> None:
    rows.clear()
    for number, model in enumerate(models):
        name = NAMES[number * 7 % len(NAMES)]
        versions = model["versions"]
        rows.registered_model(name, **{key: value for key, value in model.items() if key != "versions"})
        for version, columns in enumerate(versions, start=1):
            aliases = [text for text in NAMES if (len(text) + version) % 3 == 0] if version == len(versions) else []
            rows.model_version(name, version, aliases=aliases, **columns)


@PROPERTY
@given(
    models=REGISTRY,
    condition=st.builds(
        lambda key, operator, text: f"{key} {operator} {quoted(text)}",
        st.sampled_from(("name", "tags.t", "tags.`é`")),
        st.sampled_from(("=", "!=", "LIKE", "ILIKE")),
        PATTERNS.filter(is_quotable),
    )
    | st.sampled_from(("", "name IN ('a', 'A', 'ä')", "name NOT IN ('a', '_')", "tags.t IS NULL")),
    marked=MARKED,
    of_versions=st.sampled_from(("", "", "run_id = 'a'", "source_path ILIKE 'Ä%'", "version_number > 1")),
    order_by=st.lists(
        st.tuples(
            st.sampled_from(("name", "last_updated_timestamp", "version_number")), st.sampled_from(("", " DESC"))
        ).map("".join),
        max_size=3,
        unique_by=lambda text: text.split()[0],
    ),
    few=st.sampled_from((0, 10_000)),
    max_results=st.integers(1, 4),
)
async def test_registry_searches_and_documents(
    both: Both,
    monkeypatch: pytest.MonkeyPatch,
    models: list[dict[str, Any]],
    condition: str,
    marked: str,
    of_versions: str,
    order_by: list[str],
    few: int,
    max_results: int,
) -> None:
    monkeypatch.setattr(registry_search, "FEW", few)
    rows = both.postgresql
    fill_registry(rows, models)
    wanted = [one for one in (condition, marked) if one]
    token = ""
    while True:
        message = SearchModelVersions(
            filter=" AND ".join([*wanted, *([of_versions] if of_versions else [])]),
            order_by=order_by,
            max_results=max_results,
            page_token=token,
        )
        page = await search_model_versions(rows, message)
        assert page == await search_model_versions(both.sqlite, message)
        if not (token := orjson.loads(page).get("next_page_token", "")):
            break
    of_models = SearchRegisteredModels(
        filter=" AND ".join(wanted), order_by=[one for one in order_by if "version" not in one], max_results=3
    )
    assert await search_registered_models(rows, of_models) == await search_registered_models(both.sqlite, of_models)
    for name in NAMES[:8]:
        for document, key in (
            (REGISTERED_MODEL_BY_NAME, name),
            (LATEST_VERSIONS_BY_NAME, name),
            (MODEL_VERSION_BY_REFERENCE, f"{name}/2"),
            (MODEL_VERSION_BY_ALIAS, f"{name}@a"),
        ):
            assert await rows.document(document, key) == await both.sqlite.document(document, key)


@PROPERTY
@given(runs=RUNS, texts=st.lists(TEXTS, min_size=1, max_size=6, unique=True))
async def test_documents_and_datasets(both: Both, runs: list[dict[str, object]], texts: list[str]) -> None:
    rows = both.postgresql
    fill(rows, [{"experiment_id": 1, "name": texts[0]}, *runs[:6]])
    for number, text in enumerate(texts):
        rows.dataset(1, text, f"{number}", tags={text: text, "mlflow.data.context": text}, schema=text, profile=text)
        rows.insert("model_inputs", run_number=1, model_id=text)
        rows.insert("model_outputs", run_number=1, model_id=text, step=number)
        rows.insert("experiment_tags", experiment_id=1, key=text, value=text)
        rows.logged_model(f"m-{number}", name=text, tags=dict.fromkeys(texts, text), params=dict.fromkeys(texts, text))
        for step in range(3):
            rows.logged_model_metric(f"m-{number}", text, step / 7, step=step, dataset_name=text, dataset_digest=text)
    for one in (rows, both.sqlite):
        both.__dict__.setdefault("answers", []).append(
            [
                *[await one.document(RUN_BY_ID, f"{number * 7 % 12:02}") for number in range(7)],
                *[await one.document(EXPERIMENT_BY_ID, experiment_id) for experiment_id in (1, 2, 3)],
                *[await one.document(EXPERIMENT_BY_NAME, text) for text in texts],
                *[await one.document(LOGGED_MODEL_BY_ID, f"m-{number}") for number in range(len(texts))],
                await search_datasets(one, SearchDatasets(experiment_ids=["1", "2"])),
            ]
        )
    answers = both.__dict__.pop("answers")
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "filter_text",
    [
        "params.p = 'a\0'",
        "params.p != 'a\0'",
        "params.`p\0` = 'a'",
        "params.`p\0` IS NULL",
        "params.p LIKE 'a\0%'",
        "params.p ILIKE 'Ä\0%'",
        "run_id IN ('00', '\0')",
        "run_id NOT IN ('\0')",
        "dataset.name != '\0'",
    ],
)
async def test_text_with_nul_is_no_error(both: Both, filter_text: str) -> None:
    fill(both.postgresql, [{"experiment_id": 1, "params": {"p": "a"}}, {"experiment_id": 1}])
    for order_by in ([], ["params.`\0`"], ["metrics.`\0` DESC"]):
        message = SearchRuns(experiment_ids=["1"], filter=filter_text, order_by=order_by)
        assert await search_runs(both.postgresql, message) == await search_runs(both.sqlite, message)
    assert await both.postgresql.document(RUN_BY_ID, "0\0") is None
    assert await both.postgresql.document(EXPERIMENT_BY_NAME, "\0") is None
    message_of_models = SearchLoggedModels(experiment_ids=["1"], filter="params.p != '\0' and name LIKE '\0%'")
    assert await search_logged_models(both.postgresql, message_of_models) == b"{}"
