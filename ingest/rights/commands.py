"""The commands about roles, what is granted to them or to one user, and who is assigned to them.

Each takes a request message, the actor and the id of the request, and answers with JSON when its event is projected:
the fold decides who has a name, and whether what a command is about is still there. Who may ask is for the routes to
say. Raises InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist, and what KnownEntities and LogWriter
raise.
"""

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from ingest.admission.known_entities import KnownEntities
from ingest.admission.lookups import Lookup, Parameter
from ingest.answers import EMPTY
from ingest.experiments.lookups import EXPERIMENTS
from ingest.log_writer import LogWriter, in_the_log
from ingest.rights import decisions
from ingest.rights.lookups import (
    ASSIGNMENT_ID,
    GRANT,
    HOLDER,
    LEVEL,
    MODEL_ID,
    OWNED_EXPERIMENT,
    OWNED_MODEL,
    ROLE,
    ROLE_NAMED,
    SHOWN_GRANT_OF,
    SHOWN_GRANTS_OF_ROLE,
    SHOWN_ROLE,
)
from ingest.rights.state import Holder, KnownGrant, KnownRole, Resource
from ingest.users.lookups import USER
from ingest.users.state import KnownUser
from schemas import levels
from schemas.documents.roles import assignment_document, grant_document, role_document
from schemas.envelope import Actor
from schemas.errors import InvalidParameterValue
from schemas.events import (
    USERS_ORDERING_UNIT,
    AnyRoleEvent,
    AnyUserEvent,
    ExperimentOwnerRemoved,
    RegisteredModelOwnerRemoved,
    RoleAssigned,
    RoleCreated,
    RoleDeleted,
    RoleUnassigned,
    RoleUpdated,
)
from schemas.levels import ANY_ID, Level, check_level, check_resource, level_named
from schemas.messages.experiments import experiment_id_of
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
    assignment_not_found,
    assignment_taken,
    check_role_name,
    check_workspace,
    grant_not_found,
    grant_taken,
    refuse_workspace,
    resource_not_found,
    role_grant_not_found,
    role_not_found,
    role_taken,
)
from schemas.messages.users import user_not_found

V = TypeVar("V")


class RightCommands:
    """`changed` is told of every change, once the read model holds it."""

    def __init__(self, writer: LogWriter, known: KnownEntities, changed: Callable[[], None]) -> None:
        self._writer = writer
        self._known = known
        self._changed = changed

    # --- roles --------------------------------------------------------------------------------------------------------

    async def create_role(self, command: CreateRole, actor: Actor, request_id: str) -> bytes:
        """A role of a name that no other has, with no grants."""
        check_role_name(command.name)
        check_workspace(command.workspace)
        await self._require_free(command.name)
        event = RoleCreated(role_key=uuid.uuid4().hex, name=command.name, description=command.description)
        await self._append(event, actor, request_id)
        return await self._answer_role(event.role_key)

    async def update_role(self, command: UpdateRole, actor: Actor, request_id: str) -> bytes:
        """Another name, which no other role may have, or another description, or both."""
        if command.name is None and command.description is None:
            raise InvalidParameterValue("A role is updated by 'name', 'description' or both: neither is given.")
        role = await self._role(command.role_id)
        if command.name is not None:
            check_role_name(command.name)
            if command.name != role.name:
                await self._require_free(command.name)
        event = RoleUpdated(role_key=role.role_key, name=command.name, description=command.description)
        await self._append(event, actor, request_id)
        return await self._answer_role(role.role_key)

    async def delete_role(self, command: DeleteRole, actor: Actor, request_id: str) -> bytes:
        """Delete a role for good, with its grants and assignments."""
        role = await self._role(command.role_id)
        await self._append(RoleDeleted(role_key=role.role_key), actor, request_id)
        return EMPTY

    async def assign(self, command: AssignRole, actor: Actor, request_id: str) -> bytes:
        user = await self._user(command.username)
        role = await self._role(command.role_id)
        if await self._surely(ASSIGNMENT_ID, user.user_id, role.role_id) is not None:
            raise assignment_taken(user.username)
        await self._append(RoleAssigned(role_key=role.role_key, username=user.username), actor, request_id)
        with in_the_log():
            assignment_id = await self._known.lookups.one(ASSIGNMENT_ID, user.user_id, role.role_id)
        if assignment_id is None:  # the next change took it away
            raise assignment_not_found(user.username)
        return _json("assignment", assignment_document(assignment_id, user.user_id, role.role_id))

    async def unassign(self, command: UnassignRole, actor: Actor, request_id: str) -> bytes:
        user = await self._user(command.username)
        role = await self._role(command.role_id)
        if await self._known.look_up(ASSIGNMENT_ID, user.user_id, role.role_id) is None:
            raise assignment_not_found(user.username)
        await self._append(RoleUnassigned(role_key=role.role_key, username=user.username), actor, request_id)
        return EMPTY

    # --- grants -------------------------------------------------------------------------------------------------------

    async def add_grant(self, command: AddRoleGrant, actor: Actor, request_id: str) -> bytes:
        """Grant to a role, in which a personal one stands for its user."""
        level = _level(command.resource_type, command.resource_pattern, command.permission)
        holder = await self._holder(command.role_id)
        on = await self._resource(command.resource_type, command.resource_pattern)
        await self._grant(holder, on, level, actor, request_id)
        return await self._answer_grant(holder, on)

    async def update_grant(self, command: UpdateRoleGrant, actor: Actor, request_id: str) -> bytes:
        """Another level in the place of the one that was granted."""
        level = level_named(command.permission)
        grant = await self._known_grant(command.role_permission_id)
        check_level(grant.resource.type, level)
        await self._append(decisions.change(grant.holder, grant.resource, level), actor, request_id)
        return await self._answer_grant(grant.holder, grant.resource)

    async def remove_grant(self, command: RemoveRoleGrant, actor: Actor, request_id: str) -> bytes:
        grant = await self._known_grant(command.role_permission_id)
        await self._append(decisions.revoke(grant.holder, grant.resource, Level(grant.level)), actor, request_id)
        return EMPTY

    async def grant_to_user(self, command: GrantToUser, actor: Actor, request_id: str) -> bytes:
        """Grant to one user alone what was not granted to them so before, at whatever level."""
        refuse_workspace(command.resource_type)
        level = _level(command.resource_type, command.resource_id, command.permission)
        user = await self._user(command.username)
        on = await self._resource(command.resource_type, command.resource_id)
        if await self._owned(user.user_id, on) is not None:
            raise grant_taken(command.resource_type, command.resource_id)
        await self._grant(_personal(user), on, level, actor, request_id)
        return EMPTY

    async def revoke_from_user(self, command: RevokeFromUser, actor: Actor, request_id: str) -> bytes:
        """Take back what was granted to one user alone; what roles grant stays."""
        refuse_workspace(command.resource_type)
        check_resource(command.resource_type, command.resource_id)
        user = await self._user(command.username)
        on = await self._resource(command.resource_type, command.resource_id)
        owned = await self._owned(user.user_id, on)
        if owned is not None:
            await self._writer.append_and_wait(owned, actor, request_id)
        level = await self._known.look_up(LEVEL, user.user_id, on.type, on.pattern)
        if level is not None:
            await self._append(decisions.revoke(_personal(user), on, Level(level)), actor, request_id)
        elif owned is None:
            raise grant_not_found(command.resource_type, command.resource_id)
        return EMPTY

    async def _owned(self, user_id: int, on: Resource) -> ExperimentOwnerRemoved | RegisteredModelOwnerRemoved | None:
        """The event by which a user does not have any more what they created; None if they do not have it."""
        if on.pattern == ANY_ID:
            return None
        if on.type == levels.EXPERIMENT:
            experiment_id = await self._known.lookups.one(OWNED_EXPERIMENT, user_id, int(on.pattern))
            return None if experiment_id is None else ExperimentOwnerRemoved(experiment_id=experiment_id)
        if on.type in (levels.REGISTERED_MODEL, levels.PROMPT):
            name = await self._known.lookups.one(OWNED_MODEL, user_id, on.pattern)
            return None if name is None else RegisteredModelOwnerRemoved(name=name)
        return None

    async def _grant(self, holder: Holder, on: Resource, level: Level, actor: Actor, request_id: str) -> None:
        if await self._surely(LEVEL, holder.role_id, on.type, on.pattern) is not None:
            raise grant_taken(on.type, on.pattern)
        await self._append(decisions.grant(holder, on, level), actor, request_id)

    # --- what is there ------------------------------------------------------------------------------------------------

    async def _role(self, role_id: int | None) -> KnownRole:
        role = None if role_id is None else await self._known.look_up(ROLE, role_id)
        if role is None:
            raise role_not_found(role_id)
        return role

    async def _holder(self, role_id: int | None) -> Holder:
        holder = None if role_id is None else await self._known.look_up(HOLDER, role_id)
        if holder is None:
            raise role_not_found(role_id)
        return holder

    async def _known_grant(self, grant_id: int | None) -> KnownGrant:
        grant = None if grant_id is None else await self._known.look_up(GRANT, grant_id)
        if grant is None:
            raise role_grant_not_found(grant_id)
        return grant

    async def _user(self, username: str) -> KnownUser:
        user = await self._known.look_up(USER, username)
        if user is None:
            raise user_not_found(username)
        return user

    async def _resource(self, resource_type: str, resource_id: str) -> Resource:
        """What clients call `resource_id`, under the id that never comes again. Raises ResourceDoesNotExist."""
        if resource_id == ANY_ID:
            return Resource(resource_type, ANY_ID)
        match resource_type:
            case levels.EXPERIMENT:
                experiment_id = experiment_id_of(resource_id)
                if await self._known.find(EXPERIMENTS, experiment_id) is None:
                    raise resource_not_found(resource_type, resource_id)
                return Resource(resource_type, str(experiment_id))
            case levels.REGISTERED_MODEL | levels.PROMPT:
                model_id = await self._known.look_up(MODEL_ID, resource_id, int(resource_type == levels.PROMPT))
                if model_id is None:
                    raise resource_not_found(resource_type, resource_id)
                return Resource(resource_type, model_id)
            case _:
                return Resource(resource_type, resource_id)

    async def _require_free(self, name: str) -> None:
        if await self._surely(ROLE_NAMED, name) is not None:
            raise role_taken(name)

    async def _surely(self, lookup: Lookup[V], *parameters: Parameter) -> V | None:
        """What the read model holds. When something is found, no other process took it away before the call."""
        found = await self._known.lookups.one(lookup, *parameters)
        if found is None:
            return None
        await self._known.catch_up(USERS_ORDERING_UNIT)
        return await self._known.lookups.one(lookup, *parameters)

    async def _append(self, event: AnyRoleEvent | AnyUserEvent, actor: Actor, request_id: str) -> None:
        await self._writer.append_and_wait(event, actor, request_id)
        self._changed()

    # --- answers ------------------------------------------------------------------------------------------------------

    async def _answer_role(self, role_key: str) -> bytes:
        """Raises ResourceDoesNotExist when the next change took it away."""
        with in_the_log():
            role = await self._known.lookups.one(SHOWN_ROLE, role_key)
            if role is None:
                raise role_not_found(role_key)
            grants = await self._known.lookups.all(SHOWN_GRANTS_OF_ROLE, role.role_id)
        return _json("role", role_document(role, grants))

    async def _answer_grant(self, holder: Holder, on: Resource) -> bytes:
        """Raises ResourceDoesNotExist when the next change took it away."""
        with in_the_log():
            grant = await self._known.lookups.one(SHOWN_GRANT_OF, holder.role_id, on.type, on.pattern)
        if grant is None:
            raise grant_not_found(on.type, on.pattern)
        return _json("role_permission", grant_document(grant))


def _personal(user: KnownUser) -> Holder:
    return Holder(user.user_id, None, user.username)


def _level(resource_type: str, resource_pattern: str, permission: str) -> Level:
    """Raises InvalidParameterValue for a grant that there cannot be."""
    level = level_named(permission)
    check_resource(resource_type, resource_pattern)
    check_level(resource_type, level)
    return level


def _json(name: str, document: dict[str, Any]) -> bytes:
    return orjson.dumps({name: document})
