"""Found on the path before anything else, it has a projector index nothing of the history: for `bench.history_cost`."""

import asyncio
import sys
from typing import Any

if any("projector_child" in one for one in sys.orig_argv):
    from projector.history_worker import HistoryWorker

    async def run(_: HistoryWorker) -> None:
        await asyncio.Event().wait()

    def observe(_: HistoryWorker, __: Any) -> None:
        pass

    HistoryWorker.run = run  # type: ignore[assignment,method-assign]
    HistoryWorker.observe = observe  # type: ignore[assignment,method-assign]
