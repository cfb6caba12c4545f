"""A new read model from the log alone, built beside the live one, compared with it, and put in its place.

What that takes is the same for every database; `ReadModels` says what differs.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from event_log.port import EventLogReader
from projector.compare import Difference
from schemas.envelope import Positions

_NEARLY_THERE_EVENTS: Final = 2000
"""So few events are folded while the live read model is held still."""


class RebuildUnderWay(Exception):
    """Another process is rebuilding this read model."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How a rebuild ended. `differences` None: there was no live read model of this schema to compare with."""

    events: int
    differences: list[Difference] | None
    switched: bool


class ReadModels(ABC):
    """A live read model, if there is one, and a new one beside it."""

    @abstractmethod
    async def live(self) -> Positions | None:
        """The checkpoints of the live read model; None when there is none to compare with."""

    @abstractmethod
    async def built(self) -> Positions:
        """The checkpoints of the new one."""

    @abstractmethod
    async def fold_until(self, end: Positions) -> None:
        """Fold into the new one up to `end`, and not past it."""

    @abstractmethod
    async def differences(self) -> list[Difference]:
        """Fold up to the very events that the live one has, and compare the two as they were then."""

    @abstractmethod
    def held_still(self) -> AbstractAsyncContextManager[Positions]:
        """The checkpoints of the live one, which do not move while the block lasts."""

    @abstractmethod
    async def switch(self) -> None:
        """Make the new one the live one, for everyone and at once."""


async def rebuild(read_models: ReadModels, log: EventLogReader, *, accept_differences: bool) -> Rebuilt:
    """Fold the whole log into the new read model and switch to it; reads and writes go on meanwhile.

    The switch is refused when the new rows differ from the live ones, unless `accept_differences`.
    """
    if await read_models.live() is None:
        await read_models.fold_until(await log.end())
        await read_models.switch()
        return Rebuilt(await _events(read_models), None, switched=True)
    await _come_close(read_models)
    found = await read_models.differences()
    if found and not accept_differences:
        return Rebuilt(await _events(read_models), found, switched=False)
    await _come_close(read_models)
    async with read_models.held_still() as live:
        await read_models.fold_until(live)
        await read_models.switch()
    return Rebuilt(await _events(read_models), found, switched=True)


async def _come_close(read_models: ReadModels) -> None:
    """Fold until the live read model is hardly ahead any more; it moves on meanwhile."""
    while True:
        live, built = await read_models.live() or {}, await read_models.built()
        ahead = sum(offset - built.get(partition, 0) for partition, offset in live.items())
        if ahead <= _NEARLY_THERE_EVENTS:
            return
        await read_models.fold_until(live)


async def _events(read_models: ReadModels) -> int:
    return sum((await read_models.built()).values())
