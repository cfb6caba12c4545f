"""MLflow's database of users (basic_auth.db) of any revision: accounts, and who may do what."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Engine

from tracklog.moving.cells import Cells
from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.records import AccountRecord, GrantRecord, OddityRecord, Records, RoleRecord, SizeRecord
from tracklog.moving.stores import NoStore

DEFAULT_WORKSPACE: Final = "default"

_OWN_ROLE: Final = "__user_"
"""How the names of roles begin in which MLflow keeps what was granted to one user alone."""

_BEFORE_ROLES: Final = (
    ("experiment_permissions", "experiment_id", "experiment"),
    ("registered_model_permissions", "name", "registered_model"),
)
"""Tables of grants from before there were roles. Later they are still there, and nobody reads them."""

_OTHERS: Final = (
    "scorer_permissions",
    "gateway_secret_permissions",
    "gateway_endpoint_permissions",
    "gateway_model_definition_permissions",
    "workspace_permissions",
)
"""Grants on what is not imported."""


def auth_records(engine: Engine) -> Records:
    """Everything. Raises NoStore where the database is none of MLflow's users."""
    return AuthReader(engine).records()


class AuthReader:
    """One reading. Users and roles are held in memory: of them there are not many."""

    def __init__(self, engine: Engine) -> None:
        self._rows = DatabaseRows(engine)
        self._cells = Cells()

    def records(self) -> Records:
        self._rows.look()
        if not {"username", "password_hash"} <= self._rows.columns.get("users", set()):
            raise NoStore("It has no table of MLflow's users: users, with username and password_hash.")
        names = ("id", "username", "password_hash", "is_admin")
        users = list(self._rows.of("users", names, then=("id",)))
        yield SizeRecord("users", len(users))
        has_roles = "roles" in self._rows.columns
        own: dict[Any, list[GrantRecord]] = defaultdict(list)
        roles = list(self._roles(own, users)) if has_roles else []
        if not has_roles:
            yield from self._grants_before_roles(own)
        yield SizeRecord("roles", len(roles))
        yield SizeRecord("grants", sum(map(len, own.values())) + sum(len(one.grants) for one in roles))
        yield from self._cells.take()
        for user_id, username, password_hash, is_admin in users:
            where = f"users, id {user_id}"
            yield AccountRecord(
                where=where,
                username=self._cells.text(username, "users", where),
                password_hash=self._cells.text(password_hash, "users", where),
                is_admin=bool(is_admin),
                grants=own.pop(user_id, ()),
            )
        for user_id, lost in own.items():
            yield OddityRecord("grants", f"user {user_id}", "left: there is no such user", len(lost))
        yield from roles
        yield from self._cells.take()

    def _grants_before_roles(self, own: dict[Any, list[GrantRecord]]) -> Records:
        for table, column, resource_type in _BEFORE_ROLES:
            for user_id, resource, level in self._rows.of(
                table, ("user_id", column, "permission"), then=("user_id", column)
            ):
                own[user_id].append(self._grant((resource_type, resource, level), table))
        for table in _OTHERS:
            if number := self._rows.count(table):
                yield SizeRecord("grants", number)
                yield OddityRecord("grants", f"table {table}", "left: what they are on is not imported", number)

    def _roles(self, own: dict[Any, list[GrantRecord]], users: Sequence[Sequence[Any]]) -> Iterator[RoleRecord]:
        """The roles that are some; what is in those of one user goes to `own`."""
        name_of = {row[0]: row[1] for row in users}
        holders, grants = defaultdict(list), defaultdict(list)
        for role_id, user_id in self._rows.of(
            "user_role_assignments", ("role_id", "user_id"), then=("role_id", "user_id")
        ):
            holders[role_id].append(user_id)
        names = ("role_id", "resource_type", "resource_pattern", "permission")
        for role_id, *grant in self._rows.of("role_permissions", names, then=names):
            grants[role_id].append(self._grant(grant, f"role_permissions, role_id {role_id}"))
        for role_id, name, workspace, description in self._rows.of(
            "roles", ("id", "name", "workspace", "description"), then=("id",)
        ):
            where = f"roles, id {role_id}"
            place = self._cells.text(workspace or DEFAULT_WORKSPACE, "roles", where)
            role = RoleRecord(
                where=where,
                name=self._cells.text(name, "roles", where),
                workspace=place,
                description=self._cells.text(description, "roles", where),
                grants=grants.pop(role_id, ()),
                usernames=[str(name_of[one]) for one in holders.get(role_id, ()) if one in name_of],
            )
            if role.name.startswith(_OWN_ROLE) and place == DEFAULT_WORKSPACE:
                for user_id in holders.get(role_id, ()):
                    own[user_id] += role.grants
            else:
                yield role
        for role_id, lost in grants.items():
            self._cells.odd("grants", f"role {role_id}", f"{len(lost)} are of a role that is not there; passed over")

    def _grant(self, row: Sequence[Any], where: str) -> GrantRecord:
        resource_type, pattern, level = (self._cells.text(one, "grants", where) for one in row)
        return GrantRecord(resource_type, pattern, level)
