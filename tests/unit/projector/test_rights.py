"""What events of roles and grants come to."""

from pathlib import Path
from typing import Any

import pytest

from schemas.events import (
    AnyEvent,
    RoleAssigned,
    RoleCreated,
    RoleDeleted,
    RoleGrantChanged,
    RoleGranted,
    RoleRevoked,
    RoleUnassigned,
    RoleUpdated,
    UserDeleted,
    UserGrantChanged,
    UserGranted,
    UserPasswordChanged,
    UserRevoked,
)
from schemas.levels import Level
from tests.unit.projector.read_models import Projected
from tests.unit.projector.test_users import BATCHES, folded, refused, user

ON_1: Any = {"resource_type": "experiment", "resource_pattern": "1"}
ON_ALL: Any = {"resource_type": "experiment", "resource_pattern": "*"}

TAKEN = "RESOURCE_ALREADY_EXISTS"
MISSING = "RESOURCE_DOES_NOT_EXIST"


def roles(read_model: Projected) -> dict[Any, Any]:
    return {row[0]: row[1:] for row in read_model.rows("SELECT name, role_id, role_key, description FROM roles")}


def grants(read_model: Projected) -> list[Any]:
    return read_model.rows("SELECT grant_id, role_id, resource_type, resource_pattern, level FROM grants ORDER BY 1")


def assignments(read_model: Projected) -> list[Any]:
    return read_model.rows("SELECT assignment_id, role_id, user_id FROM role_assignments ORDER BY 1")


def revisions(read_model: Projected) -> list[Any]:
    return read_model.rows("SELECT number, revision FROM users_revision ORDER BY 1")


@BATCHES
async def test_a_user_holds_a_personal_role_from_the_first(tmp_path: Path, ends: Any) -> None:
    read_model = await folded(tmp_path, ends, user("ada"), user("bob"))
    assert assignments(read_model) == [(0, 0, 0), (1, 1, 1)]
    assert roles(read_model) == {}


@BATCHES
async def test_what_is_granted_to_a_user_is_granted_to_the_personal_role(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        user("ada"),
        UserGranted(username="ada", **ON_1, level="EDIT"),
        UserGranted(username="ada", **ON_ALL, level="READ"),
        UserGrantChanged(username="ada", **ON_ALL, level="DENY"),
        UserRevoked(username="ada", **ON_1),
        UserGranted(username="ada", **ON_1, level="MANAGE"),
    ]
    read_model = await folded(tmp_path, ends, *events)
    assert grants(read_model) == [(2, 0, "experiment", "*", Level.DENY), (5, 0, "experiment", "1", Level.MANAGE)]


@BATCHES
async def test_a_resource_is_granted_once_and_revoked_once(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        user("ada"),
        UserGranted(username="ada", **ON_1, level="EDIT"),
        UserGranted(username="ada", **ON_1, level="READ"),
        UserRevoked(username="ada", **ON_1),
        UserRevoked(username="ada", **ON_1),
        UserGrantChanged(username="ada", **ON_1, level="READ"),
        UserGranted(username="eve", **ON_1, level="READ"),
    ]
    read_model = await folded(tmp_path, ends, *events)
    assert grants(read_model) == []
    assert refused(read_model) == [(2, TAKEN), (4, MISSING), (5, MISSING), (6, MISSING)]


@BATCHES
async def test_a_role_has_a_name_that_no_other_has(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        RoleCreated(role_key="a", name="readers", description="old"),
        RoleCreated(role_key="b", name="readers"),
        RoleCreated(role_key="c", name="writers"),
        RoleUpdated(role_key="c", name="readers"),
        RoleUpdated(role_key="a", description="new"),
        RoleUpdated(role_key="a", name="readers"),
        RoleCreated(role_key="a", name="others"),
    ]
    read_model = await folded(tmp_path, ends, *events)
    assert roles(read_model) == {"readers": (0, "a", "new"), "writers": (2, "c", "")}
    assert refused(read_model) == [(1, TAKEN), (3, TAKEN), (6, TAKEN)]


@BATCHES
async def test_roles_may_exchange_their_names(tmp_path: Path, ends: Any) -> None:
    created = [RoleCreated(role_key=key, name=key) for key in ("a", "b")]
    renamed = [RoleUpdated(role_key=key, name=name) for key, name in (("a", "c"), ("b", "a"), ("a", "b"))]
    read_model = await folded(tmp_path, [2] if ends == [] else ends, *created, *renamed)
    assert {name: row[1] for name, row in roles(read_model).items()} == {"a": "b", "b": "a"}


@BATCHES
async def test_a_role_is_held_by_whom_it_is_assigned_to(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        user("ada"),
        RoleCreated(role_key="r", name="readers"),
        RoleAssigned(role_key="r", username="ada"),
        RoleAssigned(role_key="r", username="ada"),
        RoleAssigned(role_key="r", username="eve"),
        RoleUnassigned(role_key="r", username="ada"),
        RoleUnassigned(role_key="r", username="ada"),
        RoleAssigned(role_key="x", username="ada"),
        RoleAssigned(role_key="r", username="ada"),
    ]
    read_model = await folded(tmp_path, ends, *events)
    assert assignments(read_model) == [(0, 0, 0), (8, 1, 0)]
    assert refused(read_model) == [(3, TAKEN), (4, MISSING), (6, MISSING), (7, MISSING)]


@BATCHES
async def test_a_deleted_role_leaves_nothing(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        user("ada"),
        RoleCreated(role_key="r", name="readers"),
        RoleGranted(role_key="r", **ON_1, level="READ"),
        RoleGranted(role_key="r", **ON_ALL, level="READ"),
        RoleAssigned(role_key="r", username="ada"),
        RoleDeleted(role_key="r"),
        RoleGranted(role_key="r", **ON_1, level="READ"),
        RoleCreated(role_key="s", name="readers"),
        RoleAssigned(role_key="s", username="ada"),
    ]
    read_model = await folded(tmp_path, ends, *events)
    assert grants(read_model) == []
    assert assignments(read_model) == [(0, 0, 0), (8, 7, 0)]
    assert refused(read_model) == [(6, MISSING)]


@BATCHES
async def test_who_comes_back_under_a_name_has_none_of_the_rights(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        user("root", is_admin=True),
        user("ada"),
        RoleCreated(role_key="r", name="readers"),
        RoleGranted(role_key="r", **ON_1, level="READ"),
        RoleAssigned(role_key="r", username="ada"),
        UserGranted(username="ada", **ON_1, level="MANAGE"),
        UserDeleted(username="ada"),
        user("ada"),
    ]
    read_model = await folded(tmp_path, ends, *events)
    assert assignments(read_model) == [(0, 0, 0), (7, 7, 7)]
    assert [row[0] for row in grants(read_model)] == [3]


@BATCHES
async def test_a_grant_of_a_role_keeps_its_id_when_its_level_changes(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        RoleCreated(role_key="r", name="readers"),
        RoleGranted(role_key="r", **ON_1, level="READ"),
        RoleGranted(role_key="r", **ON_1, level="EDIT"),
        RoleGrantChanged(role_key="r", **ON_1, level="EDIT"),
        RoleRevoked(role_key="r", **ON_ALL),
        RoleGrantChanged(role_key="r", **ON_ALL, level="EDIT"),
    ]
    read_model = await folded(tmp_path, ends, *events)
    assert grants(read_model) == [(1, 0, "experiment", "1", Level.EDIT)]
    assert refused(read_model) == [(2, TAKEN), (4, MISSING), (5, MISSING)]


@BATCHES
async def test_a_change_of_rights_is_none_of_accounts(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        user("ada"),
        UserGranted(username="ada", **ON_1, level="READ"),
        RoleCreated(role_key="r", name="readers"),
        UserGranted(username="ada", **ON_1, level="READ"),
    ]
    assert revisions(await folded(tmp_path, ends, *events)) == [(0, 0), (1, 2)]
    events.append(UserPasswordChanged(username="ada", password_id="p"))
    assert revisions(await folded(tmp_path, ends, *events)) == [(0, 4), (1, 2)]


@BATCHES
async def test_a_user_who_goes_changes_accounts_and_rights(tmp_path: Path, ends: Any) -> None:
    read_model = await folded(tmp_path, ends, user("ada"), UserDeleted(username="ada"))
    assert revisions(read_model) == [(0, 1), (1, 1)]


@pytest.mark.parametrize("level", ["ALL", ""])
async def test_a_level_that_is_none_is_refused(tmp_path: Path, level: str) -> None:
    read_model = await folded(tmp_path, [], user("ada"), UserGranted(username="ada", **ON_1, level=level))
    assert refused(read_model) == [(1, "INVALID_PARAMETER_VALUE")]
