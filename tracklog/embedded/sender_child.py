"""The sender child of the embedded server: `python -m tracklog.child` of this."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tracklog.embedded.webhooks import opener_beside
from tracklog.sending.sender_child import run
from tracklog.sending.sender_messages import ChildSettings
from tracklog.sending.sending import OpenSender


@asynccontextmanager
async def prepare(settings: ChildSettings, _stopping: asyncio.Event) -> AsyncIterator[OpenSender]:
    log = settings.stores["log"]
    assert log is not None
    yield opener_beside(Path(log), settings.webhooks)


if __name__ == "__main__":
    from tracklog.memory.sqlite_statistics import count_no_memory

    count_no_memory()
    run(prepare)
