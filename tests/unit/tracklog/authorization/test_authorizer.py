"""What grants come to, by the table of what MLflow 3.17 was seen to answer, and beyond it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from query_api.sqlite.read_model import SqliteReadModel
from schemas.errors import PermissionDenied
from schemas.events import (
    AnyEvent,
    EvaluationDatasetCreated,
    ExperimentCreated,
    IssueCreated,
    LabelSchemaCreated,
    RegisteredModelCreated,
    ReviewQueueCreated,
    RoleAssigned,
    RoleCreated,
    RoleGranted,
    Tag,
    UserCreated,
)
from schemas.events.users import UserGranted
from schemas.levels import EXPERIMENT, HISTORY, PROMPT, REGISTERED_MODEL, SCORER, WORKSPACE, Level
from schemas.messages.history import AllHistory, HistoryFilter
from schemas.messages.message import Message
from schemas.mlflow import IS_PROMPT_TAG
from schemas.principal import Principal
from schemas.rest.access import (
    ARTIFACT,
    EVALUATION_DATASET,
    EXPERIMENT_NAMED,
    ISSUE,
    LABEL_SCHEMA,
    LOGGED_MODEL,
    MODEL_VERSION,
    REVIEW_QUEUE,
    RUN,
    Creates,
    On,
    Rule,
)
from schemas.rest.rules import LIST_HISTORY, READ_HISTORY, SEEN_HISTORY
from schemas.sight import Scope
from tests.unit.projector.histories import RUNS, created, experiment, log_of
from tests.unit.projector.read_models import projected
from tracklog.authorization.authorizer import Authorizer
from tracklog.authorization.grants import Grants
from tracklog.authorization.resources import Resources

USERNAME: Final = "ada"
MODEL: Final = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
PROMPT_ID: Final = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"


class Door(NamedTuple):
    """Who asks, and who judges."""

    authorizer: Authorizer
    grants: Grants
    principal: Principal

    async def may(self, level: Level, resource_type: str, key: str, unless_denied: str = "") -> bool:
        part = On(level, resource_type, "of", unless_denied=unless_denied)
        try:
            await self.authorizer.require(self.principal, part, key)
        except PermissionDenied:
            return False
        return True

    async def levels(self, resource_type: str, key: str) -> str:
        """The first letters of the levels that are held."""
        names = (Level.READ, Level.EDIT, Level.MANAGE)
        return "".join([level.name[0] for level in names if await self.may(level, resource_type, key)])


class Doors:
    """Makes doors before histories."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_models: list[SqliteReadModel] = []

    async def __call__(
        self, *events: AnyEvent, default: Level = Level.NO_PERMISSIONS, groups: tuple[str, ...] = (), user_id: int = 0
    ) -> Door:
        history: list[AnyEvent] = [
            UserCreated(username=USERNAME, password_id="p"),
            experiment(0),
            experiment(1),
            created(RUNS[0], 0),
            RegisteredModelCreated(name="m", registered_model_id=MODEL),
            RegisteredModelCreated(name="p", registered_model_id=PROMPT_ID, tags=[Tag(IS_PROMPT_TAG, "true")]),
            *events,
        ]
        read_model = SqliteReadModel((await projected(self._folder, await log_of(*history))).path)
        self._read_models.append(read_model)

        async def caught_up() -> None:
            return None

        grants = Grants(read_model)
        authorizer = Authorizer(grants, Resources(read_model, caught_up), default)
        return Door(authorizer, grants, Principal(USERNAME, groups=groups, user_id=user_id))

    async def close(self) -> None:
        for one in self._read_models:
            await one.close()


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    doors = Doors(tmp_path)
    yield doors
    await doors.close()


def granted(resource_type: str, pattern: str, level: Level) -> UserGranted:
    return UserGranted(username=USERNAME, resource_type=resource_type, resource_pattern=pattern, level=level.name)


READ, EDIT, MANAGE, DENY = Level.READ, Level.EDIT, Level.MANAGE, Level.DENY


@pytest.mark.parametrize(
    ("grants", "on_experiment", "on_run"),
    [
        ([], "", ""),
        ([(EXPERIMENT, "0", READ)], "R", "R"),
        ([(EXPERIMENT, "0", EDIT)], "RE", "RE"),
        ([(EXPERIMENT, "0", MANAGE)], "REM", "REM"),
        ([(EXPERIMENT, "1", MANAGE)], "", ""),
        ([(EXPERIMENT, "*", READ)], "R", "R"),
        ([(EXPERIMENT, "0", READ), (EXPERIMENT, "*", EDIT)], "RE", "RE"),
        ([(EXPERIMENT, "*", DENY), (EXPERIMENT, "0", MANAGE)], "", ""),
        ([(EXPERIMENT, "0", DENY), (EXPERIMENT, "*", EDIT)], "", ""),
        ([(EXPERIMENT, "0", READ), (RUN, "*", MANAGE)], "R", "REM"),
        ([(EXPERIMENT, "0", MANAGE), (RUN, "*", READ)], "REM", "R"),
        ([(EXPERIMENT, "0", MANAGE), (RUN, "*", DENY)], "REM", ""),
        ([(RUN, "*", MANAGE)], "", ""),
        ([(EXPERIMENT, "0", MANAGE), (LOGGED_MODEL, "*", DENY)], "REM", "REM"),
        ([(REGISTERED_MODEL, "*", MANAGE)], "", ""),
    ],
)
async def test_what_grants_come_to(
    doors: Doors, grants: list[tuple[str, str, Level]], on_experiment: str, on_run: str
) -> None:
    door = await doors(*[granted(*one) for one in grants])
    assert await door.levels(EXPERIMENT, "0") == on_experiment
    assert await door.levels(RUN, RUNS[0]) == on_run


async def test_what_lies_in_an_experiment_is_judged_like_it(doors: Doors) -> None:
    of_one = (
        ReviewQueueCreated(queue_id="rq-1", experiment_id=1, name="q", queue_type="CUSTOM"),
        IssueCreated(issue_id="iss-1", experiment_id=1, name="n", description="d"),
        LabelSchemaCreated(schema_id="ls-1", experiment_id=1, name="n", type="FEEDBACK", input="{}"),
        EvaluationDatasetCreated(dataset_id="d-1", name="n", experiment_ids=[1]),
        EvaluationDatasetCreated(dataset_id="d-2", name="n", experiment_ids=[0, 1]),
        EvaluationDatasetCreated(dataset_id="d-3", name="n"),
    )
    edited = UserGranted(username=USERNAME, resource_type=EXPERIMENT, resource_pattern="1", level="EDIT")
    door = await doors(*of_one, edited)
    for resource_type, key in (
        (REVIEW_QUEUE, "rq-1"),
        (ISSUE, "iss-1"),
        (LABEL_SCHEMA, "ls-1"),
        (LABEL_SCHEMA, f"ls-{1:032x}"),
        (EVALUATION_DATASET, "d-1"),
    ):
        assert await door.levels(resource_type, key) == "RE", key
    for resource_type, key in (
        (REVIEW_QUEUE, "rq-2"),
        (LABEL_SCHEMA, f"ls-{0:032x}"),
        (EVALUATION_DATASET, "d-2"),
        (EVALUATION_DATASET, "d-3"),
        (EVALUATION_DATASET, "d-4"),
    ):
        assert await door.levels(resource_type, key) == "", key
    queues = UserGranted(username=USERNAME, resource_type=REVIEW_QUEUE, resource_pattern="*", level="DENY")
    assert await (await doors(*of_one, edited, queues)).levels(REVIEW_QUEUE, "rq-1") == ""


async def test_a_scorer_is_judged_like_its_experiment_unless_something_was_granted_on_it(doors: Doors) -> None:
    experiment_edited = UserGranted(username=USERNAME, resource_type=EXPERIMENT, resource_pattern="1", level="EDIT")
    assert await (await doors(experiment_edited)).levels(SCORER, "1/a%20b") == "RE"
    assert await (await doors(experiment_edited)).levels(SCORER, "0/a%20b") == ""

    def granted(pattern: str, level: str) -> UserGranted:
        return UserGranted(username=USERNAME, resource_type=SCORER, resource_pattern=pattern, level=level)

    for pattern in ("*", "1/a%20b"):
        assert await (await doors(experiment_edited, granted(pattern, "MANAGE"))).levels(SCORER, "1/a%20b") == "REM"
        assert await (await doors(experiment_edited, granted(pattern, "DENY"))).levels(SCORER, "1/a%20b") == ""
        assert await (await doors(granted(pattern, "MANAGE"))).levels(SCORER, "1/a%20b") == "", (
            "its experiment is not read"
        )
    assert await (await doors(experiment_edited, granted("1/b", "DENY"))).levels(SCORER, "1/a%20b") == "RE"


async def test_a_run_is_created_with_the_experiment_unless_runs_are_denied(doors: Doors) -> None:
    for tier, may in ((READ, True), (DENY, False)):
        door = await doors(granted(EXPERIMENT, "0", EDIT), granted(RUN, "*", tier))
        assert await door.may(EDIT, EXPERIMENT, "0", unless_denied=RUN) == may


async def test_what_is_not_there_is_judged_as_what_nothing_is_granted_on(doors: Doors) -> None:
    nobody, reader = await doors(), await doors(granted(EXPERIMENT, "*", READ))
    for resource_type, key in ((RUN, "f" * 32), (EXPERIMENT, "99"), (EXPERIMENT, "-3")):
        assert await nobody.levels(resource_type, key) == ""
    assert await reader.levels(RUN, "f" * 32) == "R"


@pytest.mark.parametrize("spelled", ["0", "00", " 0", "+0"])
async def test_an_id_is_read_as_the_handler_reads_it(doors: Doors, spelled: str) -> None:
    door = await doors(granted(EXPERIMENT, "0", DENY), granted(EXPERIMENT, "*", READ))
    assert await door.levels(EXPERIMENT, spelled) == ""


async def test_the_default_level_is_a_floor_and_no_way_around_a_veto(doors: Doors) -> None:
    door = await doors(granted(EXPERIMENT, "1", DENY), default=EDIT)
    assert await door.levels(EXPERIMENT, "0") == "RE"
    assert await door.levels(EXPERIMENT, "1") == ""
    raised = await doors(granted(EXPERIMENT, "0", READ), default=EDIT)
    assert await raised.levels(EXPERIMENT, "0") == "RE"


async def test_a_role_gives_what_it_holds_by_assignment_or_by_the_name_of_a_group(doors: Doors) -> None:
    role = RoleCreated(role_key="k", name="readers")
    grant = RoleGranted(role_key="k", resource_type=EXPERIMENT, resource_pattern="0", level="READ")
    assert await (await doors(role, grant)).levels(EXPERIMENT, "0") == ""
    assigned = await doors(role, grant, RoleAssigned(role_key="k", username=USERNAME))
    assert await assigned.levels(EXPERIMENT, "0") == "R"
    assert await (await doors(role, grant, groups=("others", "readers"))).levels(EXPERIMENT, "0") == "R"


async def test_who_manages_the_workspace_manages_everything_even_what_is_denied(doors: Doors) -> None:
    role = RoleCreated(role_key="k", name="leads")
    grant = RoleGranted(role_key="k", resource_type=WORKSPACE, resource_pattern="*", level="MANAGE")
    assigned = RoleAssigned(role_key="k", username=USERNAME)
    door = await doors(role, grant, assigned, granted(EXPERIMENT, "0", DENY), granted(RUN, "*", DENY))
    assert await door.levels(EXPERIMENT, "0") == "REM"
    assert await door.levels(RUN, RUNS[0]) == "REM"
    assert (await door.authorizer.sight_of(door.principal)).scope(EXPERIMENT) is Scope.ALL


async def test_a_grant_on_a_model_is_on_that_model_whatever_it_is_called(doors: Doors) -> None:
    door = await doors(granted(REGISTERED_MODEL, MODEL, EDIT), granted(PROMPT, PROMPT_ID, READ))
    assert await door.levels(REGISTERED_MODEL, "m") == "RE"
    assert await door.levels(REGISTERED_MODEL, "p") == "R"


async def test_a_grant_on_all_prompts_is_on_no_model(doors: Doors) -> None:
    door = await doors(granted(PROMPT, "*", MANAGE))
    assert await door.levels(REGISTERED_MODEL, "p") == "REM"
    assert await door.levels(REGISTERED_MODEL, "m") == ""


async def test_an_owner_may_do_everything_until_it_is_denied(doors: Doors) -> None:
    mine = experiment(7)
    owned = type(mine)(experiment_id=7, name="mine", artifact_location="mlflow-artifacts:/7", owner=0)
    door = await doors(owned)
    assert await door.levels(EXPERIMENT, "7") == "REM"
    assert await (await doors(owned, granted(EXPERIMENT, "7", DENY))).levels(EXPERIMENT, "7") == ""
    assert await (await doors(owned, user_id=5)).levels(EXPERIMENT, "7") == ""


@pytest.mark.parametrize(
    ("path", "held"),
    [
        ("0/x.txt", "RE"),
        (f"0/{RUNS[0]}/artifacts/x.txt", "R"),
        ("0/models/m-1/artifacts/MLmodel", "RE"),
        ("0", "RE"),
        ("", ""),
        ("1/x.txt", ""),
        ("elsewhere/0/x.txt", ""),
    ],
)
async def test_an_artifact_is_judged_as_what_it_belongs_to(doors: Doors, path: str, held: str) -> None:
    """Of a folder of the experiment, runs and models can be in what is removed."""
    door = await doors(granted(EXPERIMENT, "0", MANAGE), granted(RUN, "*", READ))
    assert await door.levels(ARTIFACT, path) == held + ("M" if "models" in path else "")


async def test_a_folder_is_removed_by_who_may_manage_all_experiments_in_it(doors: Doors) -> None:
    located = {
        number: ExperimentCreated(experiment_id=number, name=f"e{number}", artifact_location=location)
        for number, location in ((7, "mlflow-artifacts:/team"), (8, "mlflow-artifacts:/team/theirs"))
    }
    door = await doors(*located.values(), granted(EXPERIMENT, "7", MANAGE))
    assert await door.levels(ARTIFACT, "team") == "RE"
    assert await door.levels(ARTIFACT, "team/mine") == "REM"
    assert await door.levels(ARTIFACT, "team/theirs/x") == ""
    both = await doors(*located.values(), granted(EXPERIMENT, "7", MANAGE), granted(EXPERIMENT, "8", MANAGE))
    assert await both.levels(ARTIFACT, "team") == "REM"


async def test_who_has_no_account_creates_nothing(doors: Doors) -> None:
    door = await doors()
    await door.authorizer.require_creation(door.principal, Creates(EXPERIMENT))
    with pytest.raises(PermissionDenied, match="no account"):
        await door.authorizer.require_creation(Principal("cert"), Creates(EXPERIMENT))


async def test_whether_a_name_is_free_is_told(doors: Doors) -> None:
    """Clients ask for an experiment or model by its name before they make it."""
    nobody, barred = await doors(), await doors(granted(REGISTERED_MODEL, "*", DENY))
    for resource_type in (REGISTERED_MODEL, MODEL_VERSION):
        assert await nobody.levels(resource_type, "never made") == "R"
        assert await barred.levels(resource_type, "never made") == ""
    assert await nobody.may(READ, EXPERIMENT_NAMED, "never made")
    assert not await nobody.may(READ, EXPERIMENT_NAMED, "e0")


async def test_all_of_a_type_may_be_denied_to_create(doors: Doors) -> None:
    door = await doors(granted(EXPERIMENT, "*", DENY))
    with pytest.raises(PermissionDenied):
        await door.authorizer.require_creation(door.principal, Creates(EXPERIMENT))
    await door.authorizer.require_creation(door.principal, Creates(REGISTERED_MODEL))


async def test_what_was_granted_is_remembered_until_it_may_have_changed(doors: Doors, tmp_path: Path) -> None:
    door = await doors(granted(EXPERIMENT, "0", READ))
    assert await door.levels(EXPERIMENT, "0") == "R"
    roles = await door.grants.roles_of(door.principal)
    assert door.grants._levels[roles, EXPERIMENT, "0"] == (READ,)
    door.grants.forget()
    assert not door.grants._levels
    assert await door.levels(EXPERIMENT, "0") == "R"


async def test_everybody_may_ask_for_what_of_the_history_they_may_read(doors: Doors) -> None:
    assert keys_of_history(HistoryFilter(actor="ada"), LIST_HISTORY) == [SEEN_HISTORY]
    for asked in (HistoryFilter(stream="user/ada"), HistoryFilter(run_id="r"), AllHistory()):
        assert keys_of_history(asked, LIST_HISTORY) == keys_of_history(asked)
    assert await (await doors()).may(READ, HISTORY, SEEN_HISTORY)
    assert not await (await doors(granted(HISTORY, "*", DENY))).may(READ, HISTORY, SEEN_HISTORY)


def keys_of_history(asked: Message, rule: Rule = READ_HISTORY) -> list[str]:
    (part,) = rule
    assert isinstance(part, On)
    return list(part.keys(asked))


@pytest.mark.parametrize(
    ("grants", "may_read"),
    [
        ([], ""),
        ([(HISTORY, "*", READ)], "everything, experiment, run, artifact, model"),
        ([(WORKSPACE, "*", MANAGE)], "everything, experiment, run, artifact, model"),
        ([(EXPERIMENT, "0", EDIT)], ""),
        ([(EXPERIMENT, "0", MANAGE)], "experiment, run, artifact"),
        ([(EXPERIMENT, "0", MANAGE), (RUN, "*", DENY)], ""),
        ([(EXPERIMENT, "0", MANAGE), (HISTORY, "*", DENY)], ""),
        ([(EXPERIMENT, "1", MANAGE)], ""),
        ([(REGISTERED_MODEL, MODEL, MANAGE)], "model"),
        ([(REGISTERED_MODEL, MODEL, MANAGE), (MODEL_VERSION, "*", DENY)], ""),
    ],
)
async def test_the_history_is_for_auditors_and_for_who_manages_what_it_is_about(
    doors: Doors, grants: list[tuple[str, str, Level]], may_read: str
) -> None:
    door = await doors(*[granted(*one) for one in grants])
    asked = {
        "everything": HistoryFilter(actor="ada"),
        "experiment": HistoryFilter(experiment_id="0"),
        "run": HistoryFilter(stream=f"run/{RUNS[0]}"),
        "artifact": HistoryFilter(artifact=f"0/{RUNS[0]}/artifacts"),
        "model": HistoryFilter(model="m"),
    }
    found = []
    for name, message in asked.items():
        keys = keys_of_history(message)
        if all([await door.may(READ, HISTORY, key) for key in keys]):
            found.append(name)
    assert ", ".join(found) == may_read


async def test_a_history_of_two_things_needs_both(doors: Doors) -> None:
    door = await doors(granted(EXPERIMENT, "0", MANAGE))
    keys = keys_of_history(HistoryFilter(experiment_id="0", model="m"))
    assert [await door.may(READ, HISTORY, key) for key in keys] == [True, False]


async def test_what_everybody_may_by_default_is_not_the_history(doors: Doors) -> None:
    door = await doors(default=READ)
    assert not await door.may(READ, HISTORY, "*")
