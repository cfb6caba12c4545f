"""Who is let in to a server of the past: by today's accounts and rights, whoever may read the whole history."""

import asyncio
from typing import Final

from query_api.port import ReadModel
from read_model.progress import ProgressReport, ProjectionProgress
from schemas.envelope import Position, Positions
from schemas.errors import TemporarilyUnavailable, TracklogError
from schemas.levels import HISTORY, Level
from schemas.principal import Principal
from schemas.rest.access import On
from tracklog.authentication.authenticator import Authenticator
from tracklog.authorization.authorizer import Authorizer

WHOLE_HISTORY: Final = On(Level.READ, HISTORY, None)

_LOOK_S: Final = 0.05


class AuditorsOnly(Authenticator):
    """Lets in administrators and auditors, and shows them everything; nothing of what they do is noted.

    Rights on single things are not judged: a search finds by the rows of then, and rights of today may be on what was
    another's then.
    """

    def __init__(self, users: Authenticator, authorizer: Authorizer) -> None:  # all that it does others do
        self._users = users
        self._authorizer = authorizer
        self.history = users.history

    def recall(self, _header: str) -> Principal | None:
        return None  # the right is asked for each time

    async def authenticate(self, header: str | None, address: str) -> Principal:
        """Raises also PermissionDenied."""
        return await self._let_in(await self._users.authenticate(header, address))

    async def principal_of(self, user: str) -> Principal:
        """Raises also PermissionDenied."""
        return await self._let_in(await self._users.principal_of(user))

    async def _let_in(self, principal: Principal) -> Principal:
        if not principal.is_admin:
            await self._authorizer.require(principal, WHOLE_HISTORY, "*")
        return principal._replace(is_admin=True, is_read_only=True)


class StoredProgress(ProjectionProgress):
    """How far a read model is that another process writes, as its checkpoints say."""

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model
        self._checkpoints: dict[int, int] = {}

    async def wait_until(self, positions: Positions, timeout_s: float) -> None:
        """Raises TemporarilyUnavailable: rights that were taken away may be there still."""
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        while True:
            rows = await self._read_model.lookup('SELECT "partition", next_offset FROM checkpoints')
            self._checkpoints = {row[0]: row[1] for row in rows}
            if all(self._checkpoints.get(partition, 0) >= offset for partition, offset in positions.items()):
                return
            if asyncio.get_running_loop().time() >= deadline_s:
                raise TemporarilyUnavailable(
                    "Today's accounts are not known: the log has events that the live server has not folded. Start it."
                )
            await asyncio.sleep(_LOOK_S)

    async def verdict(self, position: Position, timeout_s: float) -> TracklogError | None:
        return None

    def report(self) -> ProgressReport:
        return ProgressReport(self._checkpoints, 0)
