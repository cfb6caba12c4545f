"""What webhooks are told of: an event and what came before it, and the row of the outbox."""

import tempfile
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from projector.outbox import ANNOUNCERS
from schemas.events import (
    AnyEvent,
    ExperimentDeleted,
    ExperimentRestored,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionRestored,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelRestored,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
    RunDataLogged,
    RunUpdated,
    Tag,
)
from schemas.mlflow import IS_PROMPT_TAG
from schemas.webhook_events import ANNOUNCEMENTS
from tests.examples import examples
from tests.unit.projector.histories import RUNS, created, experiment, histories, log_of, metric
from tests.unit.projector.read_models import Projected, projected

MARK = Tag(IS_PROMPT_TAG, "true")
MODEL = RegisteredModelCreated(name="m", registered_model_id="m", description="d", tags=[Tag("k", "v")])
PROMPT = RegisteredModelCreated(
    name="p", registered_model_id="p", tags=[Tag("_mlflow_prompt_type", "text"), Tag("k", "v"), MARK]
)
VERSION = ModelVersionCreated(name="m", version_id="m1", source="s", storage_location="l", run_id="r")
PROMPT_VERSION = ModelVersionCreated(
    name="p",
    version_id="p1",
    source="dummy-source",
    storage_location="",
    description="d",
    tags=[
        Tag("_mlflow_prompt_response_format", "{}"),
        Tag("_mlflow_prompt_type", "text"),
        Tag("k", "v"),
        MARK,
        Tag("mlflow.prompt.text", "Hello {{name}}"),
    ],
)


def in_outbox(read_model: Projected) -> list[tuple[str, Any]]:
    rows = read_model.rows('SELECT event, data FROM outbox ORDER BY "partition", "offset"')
    return [(str(event), msgspec.json.decode(str(data))) for event, data in rows]


async def last_said(folder: Path, *history: AnyEvent) -> tuple[str, Any] | None:
    """What was told of the last event, whether it is folded with those before it or alone."""
    log = await log_of(*history)
    whole, alone = await projected(folder, log), await projected(folder, log, [len(history) - 1])
    last = f'SELECT event, data, stream, time_us FROM outbox WHERE "offset" = {len(history) - 1}'
    rows = whole.rows(last)
    assert rows == alone.rows(last)
    if not rows:
        return None
    [(event, data, stream, time_us)] = rows
    recorded = log._events[0][-1]
    assert (stream, time_us) == (recorded.stream, recorded.time_us)
    return str(event), msgspec.json.decode(str(data))


async def last_name(folder: Path, *history: AnyEvent) -> str | None:
    said = await last_said(folder, *history)
    return None if said is None else said[0]


VERSIONS = (MODEL, VERSION, msgspec.structs.replace(VERSION, version_id="m2"))
PROMPTS = (PROMPT, PROMPT_VERSION)


def to_stage(version: int, stage: str, *, name: str = "m", archive_existing: bool = False) -> ModelVersionTransitioned:
    return ModelVersionTransitioned(name=name, version=version, stage=stage, archive_existing=archive_existing)


CASES: Final[list[tuple[tuple[AnyEvent, ...], AnyEvent, str, dict[str, Any]]]] = [
    ((), MODEL, "registered_model.created", {"name": "m", "tags": {"k": "v"}, "description": "d"}),
    ((), PROMPT, "prompt.created", {"name": "p", "tags": {"k": "v"}, "description": ""}),
    (
        VERSIONS,
        VERSION,
        "model_version.created",
        {"name": "m", "version": "3", "source": "s", "run_id": "r", "tags": {}, "description": None},
    ),
    (
        (MODEL,),
        msgspec.structs.replace(VERSION, run_id="", description="d", tags=[Tag("mlflow.prompt.text", "x")]),
        "model_version.created",
        {
            "name": "m",
            "version": "1",
            "source": "s",
            "run_id": None,
            "tags": {"mlflow.prompt.text": "x"},
            "description": "d",
        },
    ),
    (
        (PROMPT,),
        PROMPT_VERSION,
        "prompt_version.created",
        {
            "name": "p",
            "version": "1",
            "template": "Hello {{name}}",
            "tags": {"_mlflow_prompt_response_format": "{}", "k": "v"},
            "description": "d",
        },
    ),
    (
        VERSIONS,
        ModelVersionTagSet(name="m", version=2, key="k", value="v"),
        "model_version_tag.set",
        {"name": "m", "version": "2", "key": "k", "value": "v"},
    ),
    (
        PROMPTS,
        ModelVersionTagSet(name="p", version=1, key="k", value="v"),
        "prompt_version_tag.set",
        {"name": "p", "version": "1", "key": "k", "value": "v"},
    ),
    (
        VERSIONS,
        ModelVersionTagDeleted(name="m", version=2, key="absent"),
        "model_version_tag.deleted",
        {"name": "m", "version": "2", "key": "absent"},
    ),
    (
        PROMPTS,
        ModelVersionTagDeleted(name="p", version=1, key="k"),
        "prompt_version_tag.deleted",
        {"name": "p", "version": "1", "key": "k"},
    ),
    (
        VERSIONS,
        RegisteredModelAliasSet(name="m", alias="a", version=2),
        "model_version_alias.created",
        {"name": "m", "alias": "a", "version": "2"},
    ),
    (
        PROMPTS,
        RegisteredModelAliasSet(name="p", alias="a", version=1),
        "prompt_alias.created",
        {"name": "p", "alias": "a", "version": "1"},
    ),
    (
        VERSIONS,
        RegisteredModelAliasDeleted(name="m", alias="absent"),
        "model_version_alias.deleted",
        {"name": "m", "alias": "absent"},
    ),
    (
        PROMPTS,
        RegisteredModelAliasDeleted(name="p", alias="a"),
        "prompt_alias.deleted",
        {"name": "p", "alias": "a"},
    ),
    (
        (MODEL,),
        RegisteredModelTagSet(name="m", key="k", value="w"),
        "registered_model_tag.set",
        {"name": "m", "key": "k", "value": "w"},
    ),
    (
        (PROMPT,),
        RegisteredModelTagSet(name="p", key="k", value="w"),
        "prompt_tag.set",
        {"name": "p", "key": "k", "value": "w"},
    ),
    (
        (MODEL,),
        RegisteredModelTagDeleted(name="m", key="k"),
        "registered_model_tag.deleted",
        {"name": "m", "key": "k"},
    ),
    ((PROMPT,), RegisteredModelTagDeleted(name="p", key="k"), "prompt_tag.deleted", {"name": "p", "key": "k"}),
    (
        (MODEL,),
        RegisteredModelUpdated(name="m", description="e"),
        "registered_model.updated",
        {"name": "m", "description": "e"},
    ),
    (
        (PROMPT,),
        RegisteredModelUpdated(name="p"),
        "prompt.updated",
        {"name": "p", "description": ""},
    ),
    (
        VERSIONS,
        RegisteredModelRenamed(name="m", new_name="n"),
        "registered_model.renamed",
        {"name": "m", "new_name": "n"},
    ),
    (PROMPTS, RegisteredModelRenamed(name="p", new_name="n"), "prompt.renamed", {"name": "p", "new_name": "n"}),
    (VERSIONS, RegisteredModelDeleted(name="m"), "registered_model.deleted", {"name": "m"}),
    (PROMPTS, RegisteredModelDeleted(name="p"), "prompt.deleted", {"name": "p"}),
    (
        VERSIONS,
        ModelVersionUpdated(name="m", version=1),
        "model_version.updated",
        {"name": "m", "version": "1", "description": None},
    ),
    (
        PROMPTS,
        ModelVersionUpdated(name="p", version=1, description="e"),
        "prompt_version.updated",
        {"name": "p", "version": "1", "description": "e"},
    ),
    (
        VERSIONS,
        ModelVersionDeleted(name="m", version=2),
        "model_version.deleted",
        {"name": "m", "version": "2"},
    ),
    (PROMPTS, ModelVersionDeleted(name="p", version=1), "prompt_version.deleted", {"name": "p", "version": "1"}),
    (
        (MODEL, RegisteredModelDeleted(name="m")),
        RegisteredModelRestored(
            name="m", registered_model_id=MODEL.registered_model_id, creation_time_ms=1, last_version=2, description="d"
        ),
        "registered_model.created",
        {"name": "m", "tags": {}, "description": "d"},
    ),
    (
        (*VERSIONS, ModelVersionDeleted(name="m", version=1)),
        ModelVersionRestored(
            name="m",
            version=1,
            registered_model_id=MODEL.registered_model_id,
            version_id=VERSION.version_id,
            creation_time_ms=1,
            stage="Production",
            source="s",
            storage_location="s",
        ),
        "model_version.created",
        {"name": "m", "version": "1", "source": "s", "run_id": None, "tags": {}, "description": None},
    ),
    (
        (experiment(), created()),
        RunUpdated(run_id=RUNS[0], status="FINISHED", end_time_ms=9, name="renamed"),
        "run.finished",
        {
            "run_id": RUNS[0],
            "run_name": "renamed",
            "experiment_id": "0",
            "status": "FINISHED",
            "start_time": 1,
            "end_time": 9,
        },
    ),
    (
        (experiment(), created()),
        RunUpdated(run_id=RUNS[0], status="FAILED"),
        "run.failed",
        {
            "run_id": RUNS[0],
            "run_name": "n",
            "experiment_id": "0",
            "status": "FAILED",
            "start_time": 1,
            "end_time": None,
        },
    ),
    (
        (experiment(), created()),
        RunUpdated(run_id=RUNS[0], status="KILLED"),
        "run.killed",
        {
            "run_id": RUNS[0],
            "run_name": "n",
            "experiment_id": "0",
            "status": "KILLED",
            "start_time": 1,
            "end_time": None,
        },
    ),
    (
        (experiment(3, "of others"),),
        ExperimentDeleted(experiment_id=3),
        "experiment.deleted",
        {"experiment_id": "3", "name": "of others"},
    ),
    (
        VERSIONS,
        to_stage(1, "Archived"),
        "model_version.stage_changed",
        {"name": "m", "version": "1", "from_stage": "None", "to_stage": "Archived", "archived_versions": []},
    ),
]


@pytest.mark.parametrize(
    ("before", "event", "name", "data"), CASES, ids=[f"{name}-{index}" for index, (_, _, name, _) in enumerate(CASES)]
)
async def test_an_event_is_told_with_its_data(
    tmp_path: Path, before: tuple[AnyEvent, ...], event: AnyEvent, name: str, data: dict[str, Any]
) -> None:
    said = await last_said(tmp_path, *before, event)
    assert said == (name, data)
    fields = msgspec.to_builtins(ANNOUNCEMENTS[name].example)
    assert list(said[1]) == list(fields), "not in the order of the example"


def test_everything_that_tracklog_announces_is_among_them() -> None:
    assert {name for _, _, name, _ in CASES} == set(ANNOUNCEMENTS) - {"budget_policy.exceeded"}


# --- stages -----------------------------------------------------------------------------------------------------------


async def test_a_change_of_stage_tells_from_where_and_which_versions_made_room(tmp_path: Path) -> None:
    third = msgspec.structs.replace(VERSION, version_id="m3")
    history: list[AnyEvent] = [
        *VERSIONS,
        third,
        to_stage(2, "Production"),
        to_stage(1, "Production"),
        to_stage(3, "Staging"),
    ]
    name, data = await last_said(tmp_path, *history, to_stage(3, "Production", archive_existing=True)) or ("", {})
    assert name == "model_version.stage_changed"
    assert data == {
        "name": "m",
        "version": "3",
        "from_stage": "Staging",
        "to_stage": "Production",
        "archived_versions": ["1", "2"],
    }
    assert list(data) == list(msgspec.to_builtins(ANNOUNCEMENTS[name].example))


@pytest.mark.parametrize("archive_existing", [False, True])
async def test_a_version_that_stays_in_its_stage_archives_none_but_others(
    tmp_path: Path, archive_existing: bool
) -> None:
    history: list[AnyEvent] = [*VERSIONS, to_stage(1, "Production"), to_stage(2, "Production")]
    said = await last_said(tmp_path, *history, to_stage(2, "Production", archive_existing=archive_existing))
    assert said is not None
    assert said[1]["from_stage"] == "Production"
    assert said[1]["archived_versions"] == (["1"] if archive_existing else [])


async def test_the_stage_of_a_prompt_is_not_told(tmp_path: Path) -> None:
    assert await last_said(tmp_path, *PROMPTS, to_stage(1, "Production", name="p")) is None


# --- prompt or model --------------------------------------------------------------------------------------------------


async def test_a_model_is_told_of_as_a_prompt_from_the_mark_on_and_not_after_it(tmp_path: Path) -> None:
    mark = RegisteredModelTagSet(name="m", key=IS_PROMPT_TAG, value="TRUE")
    assert await last_name(tmp_path, MODEL, mark) == "prompt_tag.set"
    unmark = RegisteredModelTagDeleted(name="m", key=IS_PROMPT_TAG)
    assert await last_name(tmp_path, MODEL, mark, unmark) == "registered_model_tag.deleted"


async def test_a_version_is_told_of_by_its_own_tags(tmp_path: Path) -> None:
    in_prompt = msgspec.structs.replace(VERSION, name="p")
    assert await last_name(tmp_path, PROMPT, in_prompt) == "model_version.created"
    in_model = msgspec.structs.replace(PROMPT_VERSION, name="m", tags=[MARK])
    name, data = await last_said(tmp_path, MODEL, in_model) or ("", {})
    assert name == "prompt_version.created"
    assert data["template"] is None


# --- what is not told -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "history",
    [
        (experiment(), created()),
        (experiment(), created(), metric()),
        (experiment(), created(), RunUpdated(run_id=RUNS[0], name="renamed")),
        (experiment(), created(), RunUpdated(run_id=RUNS[0], status="SCHEDULED")),
        (experiment(), created(), RunUpdated(run_id=RUNS[0], status="RUNNING")),
        (
            experiment(),
            created(),
            RunUpdated(run_id=RUNS[0], status="FAILED"),
            RunUpdated(run_id=RUNS[0], status="FAILED", end_time_ms=9),
        ),
        (experiment(), ExperimentDeleted(experiment_id=0), ExperimentRestored(experiment_id=0)),
        (MODEL, RegisteredModelRenamed(name="m", new_name="m")),
    ],
)
async def test_nothing_is_told(tmp_path: Path, history: tuple[AnyEvent, ...]) -> None:
    assert await last_said(tmp_path, *history) is None


@pytest.mark.parametrize(
    "refused",
    [
        MODEL,
        RegisteredModelDeleted(name="x"),
        RegisteredModelRenamed(name="m", new_name="p"),
        to_stage(7, "Production"),
        to_stage(1, "Production", name="x"),
        RunUpdated(run_id=RUNS[2], status="FINISHED"),
        ExperimentDeleted(experiment_id=7),
    ],
)
async def test_what_the_fold_refuses_or_sets_aside_is_not_told(tmp_path: Path, refused: AnyEvent) -> None:
    assert await last_said(tmp_path, MODEL, PROMPT, refused) is None


async def test_a_run_that_goes_on_is_told_of_when_it_ends_again(tmp_path: Path) -> None:
    steps = [RunUpdated(run_id=RUNS[0], status=one) for one in ("FINISHED", "RUNNING", "FAILED", "FINISHED")]
    read_model = await projected(tmp_path, await log_of(experiment(), created(), *steps))
    assert [name for name, _ in in_outbox(read_model)] == ["run.finished", "run.failed", "run.finished"]


def test_what_is_logged_to_a_run_costs_nothing_more_than_to_know_it() -> None:
    assert RunDataLogged not in ANNOUNCERS


# --- random histories -------------------------------------------------------------------------------------------------


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(history=histories)
async def test_rows_are_of_what_was_announced_in_its_order_of_fields(history: list[AnyEvent]) -> None:
    """That any batches come to the same rows is held by test_replay.py, and that they are those of PostgreSQL."""
    log = await log_of(*history)
    with tempfile.TemporaryDirectory() as folder:
        rows = (await projected(Path(folder), log)).rows("SELECT event, data FROM outbox")
    for name, data in rows:
        example = ANNOUNCEMENTS[str(name)].example
        assert msgspec.json.encode(msgspec.json.decode(str(data), type=type(example))).decode() == data
