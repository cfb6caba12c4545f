"""Running the projector as a child of a server on shared stores: how it starts, and how it ends with its parent."""

from collections.abc import Callable
from typing import Final

import msgspec

from schemas.errors import TemporarilyUnavailable
from tracklog.distributed.child_messages import ChildStatus, ChildStores, ProjectorSettings
from tracklog.serving.supervision import HUNG_S, PING_S, Supervisor
from tracklog.serving.told_child import ToldChild, program_of
from tracklog.settings.proof import NO_PROOF, ProofSettings
from tracklog.settings.store_uris import SharedStores

NAME: Final = "projector"
MODULE: Final = "tracklog.distributed.projector_child"

DOUBTED_LOOKS: Final = 5
"""A child that is silent for as many may be busy; more likely it hangs."""


class SupervisedProjector:
    """A projector that is kept running as a child, for as long as `keep_running` is not cancelled."""

    def __init__(
        self,
        stores: SharedStores,
        reached: Callable[[], object],
        hung_s: float = HUNG_S,
        proof: ProofSettings = NO_PROOF,
    ) -> None:
        settings = msgspec.json.encode(ProjectorSettings(ChildStores.of(stores), proof))
        self._child = ToldChild(NAME, program_of(MODULE), settings, self._heard, hung_s=hung_s)
        self._supervisor = Supervisor(NAME, self._child.run, reached)
        self._trouble: str | None = None

    async def keep_running(self) -> None:
        await self._supervisor.keep_running()

    async def check(self) -> None:
        """Raise TemporarilyUnavailable, with why, when no child is at work."""
        reason = self._supervisor.trouble or self._trouble
        silent = self._child.pulse.silent
        if reason is None and silent >= DOUBTED_LOOKS:
            reason = f"The projector has given no sign of life for {silent * PING_S:.0f} s."
        if reason is not None:
            raise TemporarilyUnavailable(reason)

    def _heard(self, line: bytes) -> None:
        self._trouble = msgspec.json.decode(line, type=ChildStatus).trouble
        self._supervisor.is_at_work()
