"""Undoing what happened to users and roles, on a log in memory."""

from typing import Any

import orjson
import pytest

from schemas.errors import BadRequest
from schemas.messages.roles import AssignRole, GrantToUser, RemoveRoleGrant, UpdateRole, UpdateRoleGrant
from schemas.messages.undo import ApplyUndo, PlanUndo
from schemas.messages.users import CreateUser, DeleteUser, UpdateUserAdmin
from tests.unit.ingest.rights.test_commands import Rights, rights
from tests.unit.ingest.users.test_commands import ACTOR, ROOT, SECRET

__all__ = ["rights"]


async def place(rights: Rights) -> str:
    """Of the last event."""
    return f"0:{await rights.deployment.count() - 1}"


async def as_root(rights: Rights, command: str, message: Any) -> None:
    await getattr(rights.ingest.users, command)(message, ROOT, ACTOR, "q")


async def plan(rights: Rights, event: str, **more: Any) -> Any:
    return orjson.loads(await rights.ingest.undo.plan(PlanUndo(event=event, **more), None))


async def undo(rights: Rights, event: str) -> Any:
    digest = (await plan(rights, event))["digest"]
    return orjson.loads(await rights.ingest.undo.undo(ApplyUndo(event=event, digest=digest), None, ACTOR, "undo"))


def fields(planned: Any) -> list[tuple[str, Any, Any]]:
    return [(one["field"], one["from"], one["to"]) for one in planned["changes"]]


async def test_a_grant_is_revoked_and_granted_again_with_its_level(rights: Rights) -> None:
    await rights.grant("experiment", "0", "EDIT")
    granted = await place(rights)
    assert fields(await plan(rights, granted)) == [("grants.experiment:0", "EDIT", None)]
    assert (await undo(rights, granted))["refused"] == []
    assert (await rights.last_event())[0] == "user.revoked"
    revoked = await place(rights)
    await undo(rights, revoked)
    kind, payload = await rights.last_event()
    assert (kind, payload["level"]) == ("user.granted", "EDIT")


async def test_a_level_a_name_and_an_assignment_of_a_role_are_as_before(rights: Rights) -> None:
    role_id = await rights.role("readers")
    grant = await rights.add(role_id, "experiment", "*", "READ")
    steps = (
        (
            rights.commands.update_grant,
            UpdateRoleGrant(role_permission_id=grant["id"], permission="EDIT"),
            ("grants.experiment:*", "EDIT", "READ"),
        ),
        (rights.commands.update_role, UpdateRole(role_id=role_id, name="others"), ("name", "others", "readers")),
        (rights.commands.assign, AssignRole(role_id=role_id, username="ada"), ("assigned.ada", "ada", None)),
        (
            rights.commands.remove_grant,
            RemoveRoleGrant(role_permission_id=grant["id"]),
            ("grants.experiment:*", None, "READ"),
        ),
    )
    for command, message, expected in steps:
        await rights.do(command, message)  # type: ignore[arg-type]
        event = await place(rights)
        assert fields(await plan(rights, event)) == [expected]
        assert (await undo(rights, event))["refused"] == []
        assert (await plan(rights, event))["changes"] == []


async def test_nothing_is_given_to_another_user_of_the_name(rights: Rights) -> None:
    await rights.grant("experiment", "0", "EDIT")
    granted = await place(rights)
    await as_root(rights, "delete", DeleteUser(username="ada"))
    deleted = await place(rights)
    await as_root(rights, "create", CreateUser(username="ada", password=SECRET))
    assert (await plan(rights, granted, over_later=True))["changes"] == []
    (left_out,) = (await plan(rights, deleted))["left_out"]
    assert left_out["reason"] == "A user who was deleted is gone for good, with what was granted to them."


async def test_the_last_administrator_stays_one(rights: Rights) -> None:
    await as_root(rights, "update_admin", UpdateUserAdmin(username="ada", is_admin=True))
    made = await place(rights)
    await as_root(rights, "update_admin", UpdateUserAdmin(username="root", is_admin=False))
    assert fields(await plan(rights, made)) == [("is_admin", 1, 0)]
    with pytest.raises(BadRequest):
        await undo(rights, made)


async def test_a_grant_that_changed_meanwhile_is_not_revoked(rights: Rights) -> None:
    message = GrantToUser(username="ada", resource_type="experiment", resource_id="0", permission="READ")
    await rights.do(rights.commands.grant_to_user, message)
    granted = await place(rights)
    (change,) = (await plan(rights, granted))["changes"]
    await rights.revoke("experiment", "0")
    await rights.grant("experiment", "0", "MANAGE")
    assert change["from"] == "READ"
    assert fields(await plan(rights, granted)) == []
