"""Commands about roles and grants, on a log in memory: what is refused, and what is appended."""

from collections.abc import Callable
from typing import Any, TypeVar

import orjson
import pytest

from ingest.rights.commands import RightCommands
from schemas.envelope import Actor
from schemas.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from schemas.messages.registered_models import (
    CreateRegisteredModel,
    DeleteRegisteredModel,
    RegistryTag,
    RenameRegisteredModel,
)
from schemas.messages.roles import (
    AddRoleGrant,
    AssignRole,
    CreateRole,
    DeleteRole,
    GrantToUser,
    RemoveRoleGrant,
    RevokeFromUser,
    UnassignRole,
    UpdateRole,
    UpdateRoleGrant,
)
from schemas.messages.users import CreateUser, DeleteUser
from schemas.mlflow import IS_PROMPT_TAG
from tests.unit.ingest.doubles import Deployment
from tests.unit.ingest.users.test_commands import ACTOR, ROOT, SECRET, PlainCredentials

C = TypeVar("C")


class Rights:
    """A deployment with the administrator root, the user ada, experiment 0, the model m and the prompt p."""

    def __init__(self) -> None:
        self.credentials = PlainCredentials()
        self.deployment = Deployment(credentials=self.credentials)
        self.ingest = self.deployment.ingest
        assert self.ingest.rights is not None
        self.commands: RightCommands = self.ingest.rights

    async def do(self, command: Callable[[C, Actor, str], Any], message: C) -> Any:
        return orjson.loads(await command(message, ACTOR, "q"))

    async def role(self, name: str = "readers") -> int:
        told = await self.do(self.commands.create_role, CreateRole(name=name, workspace="default"))
        return int(told["role"]["id"])

    async def add(self, role_id: int, resource_type: str, pattern: str, permission: str = "READ") -> Any:
        message = AddRoleGrant(
            role_id=role_id, resource_type=resource_type, resource_pattern=pattern, permission=permission
        )
        return (await self.do(self.commands.add_grant, message))["role_permission"]

    async def grant(self, resource_type: str, resource_id: str, permission: str = "READ", user: str = "ada") -> None:
        message = GrantToUser(
            username=user, resource_type=resource_type, resource_id=resource_id, permission=permission
        )
        assert await self.do(self.commands.grant_to_user, message) == {}

    async def revoke(self, resource_type: str, resource_id: str, user: str = "ada") -> None:
        message = RevokeFromUser(username=user, resource_type=resource_type, resource_id=resource_id)
        assert await self.do(self.commands.revoke_from_user, message) == {}

    async def last_event(self) -> tuple[str, Any]:
        """Type and payload."""
        recorded = (await self.deployment.log.read(0, 0, limit=1000))[-1]
        return recorded.type, orjson.loads(recorded.payload)


@pytest.fixture
async def rights() -> Rights:
    rights = Rights()
    await rights.ingest.ensure_default_experiment()
    assert rights.ingest.users is not None
    await rights.ingest.users.create_first_admin("root", "the root of all")
    await rights.ingest.users.create(CreateUser(username="ada", password=SECRET), ROOT, ACTOR, "q")
    await rights.ingest.registered_models.create(CreateRegisteredModel(name="m"), ACTOR, "q")
    marker = [RegistryTag(key=IS_PROMPT_TAG, value="true")]
    await rights.ingest.registered_models.create(CreateRegisteredModel(name="p", tags=marker), ACTOR, "q")
    return rights


async def test_a_new_role_is_answered_without_grants(rights: Rights) -> None:
    message = CreateRole(name="readers", workspace="default", description="may look")
    told = (await rights.do(rights.commands.create_role, message))["role"]
    offset = await rights.deployment.count() - 1
    assert told == {
        "id": offset,
        "name": "readers",
        "workspace": "default",
        "description": "may look",
        "permissions": [],
    }


@pytest.mark.parametrize("name", ["", " ", "__user_7__", "a\n", " a", "__user_x"])
async def test_what_cannot_be_a_roles_name_is_refused(rights: Rights, name: str) -> None:
    role_id = await rights.role()
    with pytest.raises(InvalidParameterValue):
        await rights.role(name)
    with pytest.raises(InvalidParameterValue):
        await rights.do(rights.commands.update_role, UpdateRole(role_id=role_id, name=name))


@pytest.mark.parametrize(("workspace", "error"), [(" ", InvalidParameterValue), ("other", ResourceDoesNotExist)])
async def test_a_role_is_of_a_workspace_that_there_is(rights: Rights, workspace: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await rights.do(rights.commands.create_role, CreateRole(name="r", workspace=workspace))


async def test_a_name_that_a_role_has_is_refused_before_anything_is_appended(rights: Rights) -> None:
    await rights.role("readers")
    other = await rights.role("writers")
    count = await rights.deployment.count()
    with pytest.raises(ResourceAlreadyExists):
        await rights.role("readers")
    with pytest.raises(ResourceAlreadyExists):
        await rights.do(rights.commands.update_role, UpdateRole(role_id=other, name="readers"))
    assert await rights.deployment.count() == count


async def test_a_role_is_changed_in_what_is_given(rights: Rights) -> None:
    role_id = await rights.role()
    await rights.add(role_id, "experiment", "0")
    told = (await rights.do(rights.commands.update_role, UpdateRole(role_id=role_id, description="new")))["role"]
    assert (told["name"], told["description"], len(told["permissions"])) == ("readers", "new", 1)
    told = (await rights.do(rights.commands.update_role, UpdateRole(role_id=role_id, name="others")))["role"]
    assert (told["name"], told["description"]) == ("others", "new")
    with pytest.raises(InvalidParameterValue):
        await rights.do(rights.commands.update_role, UpdateRole(role_id=role_id))


async def test_a_deleted_role_is_not_there(rights: Rights) -> None:
    role_id = await rights.role()
    await rights.do(rights.commands.delete_role, DeleteRole(role_id=role_id))
    for asked in (
        rights.do(rights.commands.delete_role, DeleteRole(role_id=role_id)),
        rights.do(rights.commands.update_role, UpdateRole(role_id=role_id, name="x")),
        rights.do(rights.commands.assign, AssignRole(role_id=role_id, username="ada")),
        rights.add(role_id, "experiment", "0"),
    ):
        with pytest.raises(ResourceDoesNotExist):
            await asked


async def test_a_role_is_assigned_once_and_unassigned_once(rights: Rights) -> None:
    role_id = await rights.role()
    message = AssignRole(role_id=role_id, username="ada")
    told = (await rights.do(rights.commands.assign, message))["assignment"]
    assert told["role_id"] == role_id
    with pytest.raises(ResourceAlreadyExists):
        await rights.do(rights.commands.assign, message)
    gone = UnassignRole(role_id=role_id, username="ada")
    await rights.do(rights.commands.unassign, gone)
    with pytest.raises(ResourceDoesNotExist):
        await rights.do(rights.commands.unassign, gone)


async def test_nobody_else_is_assigned_to_a_personal_role(rights: Rights) -> None:
    await rights.grant("experiment", "0")
    _, granted = await rights.last_event()
    assert granted["username"] == "ada"
    with pytest.raises(ResourceDoesNotExist):
        await rights.do(rights.commands.assign, AssignRole(role_id=2, username="root"))


@pytest.mark.parametrize(
    ("resource_type", "pattern", "permission"),
    [
        ("experiment", "0", "ALL"),
        ("experiment", "0", "NO_PERMISSIONS"),
        ("experiment", "0", "read"),
        ("experiment", "e*", "READ"),
        ("experiment", "first", "READ"),
        ("run", "7", "READ"),
        ("webhook", "*", "READ"),
        ("workspace", "*", "READ"),
        ("workspace", "default", "USE"),
    ],
)
async def test_a_grant_that_there_cannot_be_is_refused(
    rights: Rights, resource_type: str, pattern: str, permission: str
) -> None:
    role_id = await rights.role()
    count = await rights.deployment.count()
    with pytest.raises(InvalidParameterValue):
        await rights.add(role_id, resource_type, pattern, permission)
    with pytest.raises(InvalidParameterValue):
        await rights.grant(resource_type, pattern, permission)
    assert await rights.deployment.count() == count


@pytest.mark.parametrize(
    ("resource_type", "pattern"),
    [
        ("experiment", "77"),
        ("experiment", "-1"),
        ("registered_model", "none"),
        ("registered_model", "p"),
        ("prompt", "m"),
    ],
)
async def test_what_is_granted_on_is_there(rights: Rights, resource_type: str, pattern: str) -> None:
    role_id = await rights.role()
    with pytest.raises(ResourceDoesNotExist):
        await rights.add(role_id, resource_type, pattern)
    with pytest.raises(ResourceDoesNotExist):
        await rights.grant(resource_type, pattern)


async def test_an_experiment_has_one_id_however_it_is_spelled(rights: Rights) -> None:
    await rights.grant("experiment", " 00 ")
    assert (await rights.last_event())[1]["resource_pattern"] == "0"
    with pytest.raises(ResourceAlreadyExists):
        await rights.grant("experiment", "0")


async def test_a_grant_is_answered_and_changed_and_removed_by_its_id(rights: Rights) -> None:
    role_id = await rights.role()
    told = await rights.add(role_id, "run", "*", "DENY")
    assert told == {
        "id": await rights.deployment.count() - 1,
        "role_id": role_id,
        "resource_type": "run",
        "resource_pattern": "*",
        "permission": "DENY",
    }
    message = UpdateRoleGrant(role_permission_id=told["id"], permission="EDIT")
    assert (await rights.do(rights.commands.update_grant, message))["role_permission"] == {**told, "permission": "EDIT"}
    assert await rights.do(rights.commands.remove_grant, RemoveRoleGrant(role_permission_id=told["id"])) == {}
    assert (await rights.last_event())[1]["level"] == "EDIT"
    for gone in (
        rights.do(rights.commands.remove_grant, RemoveRoleGrant(role_permission_id=told["id"])),
        rights.do(rights.commands.update_grant, message),
    ):
        with pytest.raises(ResourceDoesNotExist):
            await gone


async def test_a_level_is_changed_to_one_that_the_type_takes(rights: Rights) -> None:
    told = await rights.add(await rights.role(), "workspace", "*", "USE")
    with pytest.raises(InvalidParameterValue):
        message = UpdateRoleGrant(role_permission_id=told["id"], permission="READ")
        await rights.do(rights.commands.update_grant, message)


async def test_a_grant_on_a_model_moves_with_its_name(rights: Rights) -> None:
    role_id = await rights.role()
    assert (await rights.add(role_id, "registered_model", "m"))["resource_pattern"] == "m"
    await rights.ingest.registered_models.rename(RenameRegisteredModel(name="m", new_name="n"), ACTOR, "q")
    told = await rights.do(rights.commands.update_role, UpdateRole(role_id=role_id, description="x"))
    assert [one["resource_pattern"] for one in told["role"]["permissions"]] == ["n"]


async def test_a_grant_on_a_model_dies_with_it(rights: Rights) -> None:
    role_id = await rights.role()
    await rights.add(role_id, "registered_model", "m", "MANAGE")
    await rights.grant("registered_model", "m", "MANAGE")
    await rights.ingest.registered_models.delete(DeleteRegisteredModel(name="m"), ACTOR, "q")
    await rights.ingest.registered_models.create(CreateRegisteredModel(name="m"), ACTOR, "q")
    told = await rights.do(rights.commands.update_role, UpdateRole(role_id=role_id, description="x"))
    assert told["role"]["permissions"] == []
    with pytest.raises(ResourceDoesNotExist):
        await rights.revoke("registered_model", "m")
    await rights.grant("registered_model", "m")


async def test_what_one_user_is_granted_is_granted_once_and_revoked_once(rights: Rights) -> None:
    await rights.grant("experiment", "*", "READ")
    with pytest.raises(ResourceAlreadyExists):
        await rights.grant("experiment", "*", "MANAGE")
    await rights.revoke("experiment", "*")
    kind, payload = await rights.last_event()
    assert (kind, payload["level"]) == ("user.revoked", "READ")
    with pytest.raises(ResourceDoesNotExist):
        await rights.revoke("experiment", "*")


async def test_a_workspace_is_granted_to_roles_alone(rights: Rights) -> None:
    with pytest.raises(InvalidParameterValue):
        await rights.grant("workspace", "*", "USE")
    with pytest.raises(InvalidParameterValue):
        await rights.revoke("workspace", "*")


async def test_the_grants_of_a_personal_role_are_those_of_its_user(rights: Rights) -> None:
    assert rights.ingest.users is not None
    told = orjson.loads(await rights.ingest.users.create(CreateUser(username="bob", password=SECRET), ROOT, ACTOR, "q"))
    grant = await rights.add(told["user"]["id"], "experiment", "0")
    assert await rights.last_event() == (
        "user.granted",
        {"username": "bob", "resource_type": "experiment", "resource_pattern": "0", "level": "READ"},
    )
    message = UpdateRoleGrant(role_permission_id=grant["id"], permission="EDIT")
    await rights.do(rights.commands.update_grant, message)
    assert (await rights.last_event())[0] == "user.grant-changed"
    await rights.do(rights.commands.remove_grant, RemoveRoleGrant(role_permission_id=grant["id"]))
    assert (await rights.last_event())[0] == "user.revoked"


async def test_nothing_is_granted_to_who_is_not_there(rights: Rights) -> None:
    role_id = await rights.role()
    with pytest.raises(ResourceDoesNotExist):
        await rights.grant("experiment", "0", user="eve")
    with pytest.raises(ResourceDoesNotExist):
        await rights.revoke("experiment", "0", user="eve")
    with pytest.raises(ResourceDoesNotExist):
        await rights.do(rights.commands.assign, AssignRole(role_id=role_id, username="eve"))
    with pytest.raises(ResourceDoesNotExist):
        await rights.add(999, "experiment", "0")


async def test_each_change_is_told(rights: Rights) -> None:
    changes = rights.credentials.changes
    await rights.grant("experiment", "0")
    with pytest.raises(ResourceAlreadyExists):
        await rights.grant("experiment", "0")
    assert rights.credentials.changes == changes + 1


async def test_a_deleted_user_leaves_no_grant_to_the_next_of_the_name(rights: Rights) -> None:
    assert rights.ingest.users is not None
    await rights.grant("experiment", "0", "MANAGE")
    await rights.ingest.users.delete(DeleteUser(username="ada"), ROOT, ACTOR, "q")
    await rights.ingest.users.create(CreateUser(username="ada", password=SECRET), ROOT, ACTOR, "q")
    with pytest.raises(ResourceDoesNotExist):
        await rights.revoke("experiment", "0")
