"""What was granted to somebody, as the read model has it.

It is remembered until the revision of rights moves, which the authenticator asks for several times a second.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from query_api.port import ReadModel
from schemas.levels import ANY_ID, WORKSPACE, Level
from schemas.principal import Principal

MAX_REMEMBERED: Final = 50_000
"""Of roles and of grants each; all are forgotten when there are more."""

OWNED_S: Final = 0.5
"""How long it is believed that somebody has what they created, which no revision tells."""

K = TypeVar("K")
V = TypeVar("V")

_NOBODY: Final = -1


class Grants:
    """Every method raises TemporarilyUnavailable when the read model cannot be asked. `now_s` is a clock that grows."""

    def __init__(self, read_model: ReadModel, now_s: Callable[[], float] = time.monotonic) -> None:
        self._read_model = read_model
        self._now_s = now_s
        self._owned: dict[tuple[int, int | str], float] = {}
        self._roles: dict[tuple[int | None, tuple[str, ...]], tuple[int, ...]] = {}
        self._levels: dict[tuple[tuple[int, ...], str, str], tuple[Level, ...]] = {}
        self._times_forgotten = 0
        statement = read_model.dialect.statement
        self._roles_sql = statement(
            "SELECT role_id FROM role_assignments WHERE user_id = $1"
            " UNION SELECT role_id FROM roles WHERE name = ANY($2) ORDER BY 1"
        )
        self._levels_sql = statement(
            "SELECT level FROM grants WHERE role_id = ANY($1) AND resource_pattern = $2 AND resource_type = $3"
        )
        self._owns_experiment_sql = statement("SELECT user_id FROM experiment_owners WHERE experiment_id = $1")
        self._owns_model_sql = statement("SELECT user_id FROM registered_model_owners WHERE registered_model_id = $1")

    def forget(self) -> None:
        """What was granted may have changed."""
        self._times_forgotten += 1
        self._roles.clear()
        self._levels.clear()

    async def roles_of(self, principal: Principal) -> tuple[int, ...]:
        """The roles that somebody holds: their own, those they are assigned to, and those named like their groups."""
        key = (principal.user_id, principal.groups)
        roles = self._roles.get(key)
        if roles is None:
            now = self._times_forgotten
            user_id = _NOBODY if principal.user_id is None else principal.user_id
            groups = self._read_model.dialect.listed(principal.groups)
            rows = await self._read_model.lookup(self._roles_sql, (user_id, groups))
            roles = tuple(row[0] for row in rows)
            self._remember(self._roles, key, roles, now)
        return roles

    async def levels_on(self, roles: tuple[int, ...], resource_type: str, key: str) -> tuple[Level, ...]:
        """Every level that is granted on one resource by its own id."""
        return await self._levels_by(roles, resource_type, key)

    async def levels_on_all(self, roles: tuple[int, ...], resource_type: str) -> tuple[Level, ...]:
        """Every level that is granted on all resources of a type."""
        return await self._levels_by(roles, resource_type, ANY_ID)

    async def manages_everything(self, roles: tuple[int, ...]) -> bool:
        """Whether the one workspace that there is was granted to be managed, with everything in it."""
        return Level.MANAGE in await self.levels_on_all(roles, WORKSPACE)

    async def owns_experiment(self, principal: Principal, experiment_id: int) -> bool:
        """Whether somebody has an experiment for having created it."""
        return await self._is_owner(principal, self._owns_experiment_sql, experiment_id)

    async def owns_model(self, principal: Principal, registered_model_id: str) -> bool:
        """The same of a registered model or prompt."""
        return await self._is_owner(principal, self._owns_model_sql, registered_model_id)

    async def _is_owner(self, principal: Principal, sql: str, key: int | str) -> bool:
        if principal.user_id is None:
            return False
        known, now_s = (principal.user_id, key), self._now_s()
        if now_s < self._owned.get(known, 0.0):
            return True
        rows = await self._read_model.lookup(sql, (key,))
        if not rows or rows[0][0] != principal.user_id:
            return False
        self._remember(self._owned, known, now_s + OWNED_S, self._times_forgotten)
        return True

    async def _levels_by(self, roles: tuple[int, ...], resource_type: str, pattern: str) -> tuple[Level, ...]:
        if not roles:
            return ()
        known = (roles, resource_type, pattern)
        levels = self._levels.get(known)
        if levels is None:
            now = self._times_forgotten
            listed = self._read_model.dialect.listed(roles)
            rows = await self._read_model.lookup(self._levels_sql, (listed, pattern, resource_type))
            levels = tuple(Level(row[0]) for row in rows)
            self._remember(self._levels, known, levels, now)
        return levels

    def _remember(self, remembered: dict[K, V], key: K, value: V, asked_at: int) -> None:
        if asked_at != self._times_forgotten:
            return  # what was read may be older than what has changed meanwhile
        if len(remembered) >= MAX_REMEMBERED:
            remembered.clear()
        remembered[key] = value
