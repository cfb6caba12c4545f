"""A log in memory that forgets, and folders of artifacts that are none."""

from collections.abc import Sequence

from msgspec.structs import replace

from event_log.forgetting import ERASURE_TYPES, Forgetting
from event_log.memory_event_log import MemoryEventLog
from ingest.erasures.port import ArtifactFolders, Measured
from schemas.envelope import Position
from schemas.errors import PermissionDenied
from schemas.forgotten import forgotten, is_forgotten


class MemoryForgetting(Forgetting):
    """`fails`: the next call is the last of its process."""

    def __init__(self, log: MemoryEventLog) -> None:
        self._log = log
        self.offsets: dict[int, int] = {}
        self.fails = False

    async def forget(self, streams: Sequence[str], refused: Sequence[Position] = ()) -> int:
        if self.fails:
            raise SystemError("killed")
        count = 0
        for events in self._log._events:
            for at, event in enumerate(events):
                if is_forgotten(event.payload) or event.type in ERASURE_TYPES:
                    continue
                if event.stream in streams or Position(event.partition, event.offset) in refused:
                    payload = forgotten(event.payload, refused=event.stream not in streams)
                    events[at] = replace(event, payload=payload)
                    count += 1
        return count

    async def carried_out(self, partition: int) -> int:
        return self.offsets.get(partition, 0)

    async def note_carried_out(self, partition: int, offset: int) -> None:
        self.offsets[partition] = max(offset, self.offsets.get(partition, 0))


class MemoryFolders(ArtifactFolders):
    """Reaches what is behind the proxy, and notes what is removed. `failing` are names of folders that cannot be."""

    def __init__(self) -> None:
        self.removed: list[str] = []
        self.failing: set[str] = set()

    async def measure(self, uri: str, key: str) -> Measured | None:
        if key in self.failing:
            raise PermissionDenied("The store does not let us.")
        return Measured(2, 10) if uri.startswith("mlflow-artifacts:/") and key in uri else None

    async def remove(self, uri: str, key: str) -> bool:
        if key in self.failing:
            raise PermissionDenied("The store does not let us.")
        self.removed.append(uri)
        return True
