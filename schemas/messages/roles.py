"""The requests about roles, grants and assignments, and what is said of them in several services.

Source of the rules: MLflow's basic-auth application, as observed on a 3.17 server; docs/differences.md names those that
are stricter here.
"""

from typing import Annotated, ClassVar, Final

import msgspec

from schemas.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from schemas.levels import WORKSPACE
from schemas.messages.bounds import MAX_ROLE_DESCRIPTION_CHARACTERS, Name, Word
from schemas.messages.message import Int64, Message, Required
from schemas.messages.users import UserMessage

DEFAULT_WORKSPACE: Final = "default"
"""The only one there is."""

PERSONAL_PREFIX: Final = "__user_"

RoleDescription = Annotated[str, msgspec.Meta(max_length=MAX_ROLE_DESCRIPTION_CHARACTERS)]
Workspaces = Annotated[list[Word], msgspec.Meta(max_length=100)]


class CreateRole(Message):
    required: ClassVar[Required] = ("name", "workspace")

    name: Name = ""
    workspace: Word = ""
    description: RoleDescription = ""


class RoleMessage(Message):
    """A request about one role, by its id."""

    required: ClassVar[Required] = ("role_id",)

    role_id: Int64 | None = None


class UpdateRole(RoleMessage):
    """None leaves what is."""

    name: Name | None = None
    description: RoleDescription | None = None


class DeleteRole(RoleMessage):
    pass


class GetRole(RoleMessage):
    pass


class ListRoles(Message):
    workspace: Workspaces = []


class ListRoleUsers(RoleMessage):
    pass


class ListRoleGrants(RoleMessage):
    pass


class AddRoleGrant(RoleMessage):
    required: ClassVar[Required] = ("role_id", "resource_type", "resource_pattern", "permission")

    resource_type: Word = ""
    resource_pattern: Name = ""
    permission: Word = ""


class UpdateRoleGrant(Message):
    required: ClassVar[Required] = ("role_permission_id", "permission")

    role_permission_id: Int64 | None = None
    permission: Word = ""


class RemoveRoleGrant(Message):
    required: ClassVar[Required] = ("role_permission_id",)

    role_permission_id: Int64 | None = None


class AssignRole(RoleMessage):
    required: ClassVar[Required] = ("username", "role_id")

    username: Name = ""


class UnassignRole(AssignRole):
    pass


class ListUserRoles(UserMessage):
    pass


class ListUserGrants(UserMessage):
    pass


class ListOwnGrants(Message):
    pass


class UserGrantMessage(UserMessage):
    """A request about what one user is granted on a resource; clients know models by their names."""

    required: ClassVar[Required] = ("username", "resource_type", "resource_id")

    resource_type: Word = ""
    resource_id: Name = ""


class GrantToUser(UserGrantMessage):
    required: ClassVar[Required] = ("username", "resource_type", "resource_id", "permission")

    permission: Word = ""


class RevokeFromUser(UserGrantMessage):
    pass


class GetUserLevel(UserGrantMessage):
    """What the user may do with a resource, by all grants."""


def personal_name(user_id: int) -> str:
    """What the personal role of a user is called."""
    return f"{PERSONAL_PREFIX}{user_id}__"


def check_role_name(name: str) -> None:
    """Refuse what no role is called. Raises InvalidParameterValue."""
    if not name.strip():
        raise InvalidParameterValue("Role name cannot be empty.")
    if not name.isprintable() or name != name.strip():
        raise InvalidParameterValue("A role's name has printable characters, and no spaces around them.")
    if name.startswith(PERSONAL_PREFIX):
        raise InvalidParameterValue(f"Names that begin with '{PERSONAL_PREFIX}' are those of personal roles.")


def check_workspace(workspace: str) -> None:
    """Refuse a workspace that is not there. Raises InvalidParameterValue and ResourceDoesNotExist."""
    if not workspace.strip():
        raise InvalidParameterValue("Workspace cannot be empty.")
    if workspace != DEFAULT_WORKSPACE:
        raise ResourceDoesNotExist(f"Workspace '{workspace}' not found.")


def refuse_workspace(resource_type: str) -> None:
    """Source: MLflow gives membership in a workspace through roles alone. Raises InvalidParameterValue."""
    if resource_type == WORKSPACE:
        raise InvalidParameterValue("What is granted on a workspace is granted to a role.")


def role_not_found(role: int | str | None) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Role with id={role} not found")


def role_grant_not_found(grant_id: int | None) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Role permission with id={grant_id} not found")


def role_taken(name: str) -> ResourceAlreadyExists:
    return ResourceAlreadyExists(f"Role (name={name}) already exists.")


def grant_taken(resource_type: str, resource_pattern: str) -> ResourceAlreadyExists:
    return ResourceAlreadyExists(
        f"Permission on resource_type={resource_type}, resource_id={resource_pattern} already exists."
    )


def grant_not_found(resource_type: str, resource_pattern: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(
        f"Permission on resource_type={resource_type}, resource_id={resource_pattern} not found."
    )


def assignment_taken(username: str) -> ResourceAlreadyExists:
    return ResourceAlreadyExists(f"User (username={username}) is assigned to the role already.")


def assignment_not_found(username: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"User (username={username}) is not assigned to the role.")


def resource_not_found(resource_type: str, resource_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"There is no {resource_type.replace('_', ' ')} '{resource_id}' to be granted.")
