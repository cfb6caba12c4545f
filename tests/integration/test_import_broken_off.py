"""An import that is killed, however often and wherever, comes to the same events as one that is not."""

import random
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

from event_log.sqlite.event_log import SqliteEventLogReader
from schemas.envelope import PARTITION, RecordedEvent
from tests.unit.tracklog.moving.imports import database_2025

KILLS: Final = 4


def run(source: Path, log: Path, killed_at: int) -> int:
    command = [sys.executable, "-m", "tests.integration.importing_process", str(source), str(log), str(killed_at)]
    return subprocess.run(command, check=False, timeout=120).returncode


async def streams_in(path: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    """Ids and payloads of the events of each stream, in their order."""
    log = SqliteEventLogReader(path)
    found: dict[str, list[tuple[bytes, bytes]]] = defaultdict(list)
    events: list[RecordedEvent] = await log.read(PARTITION, 0, limit=10_000)
    await log.close()
    for event in events:
        found[event.stream].append((event.id, event.payload))
    return dict(found)


async def test_killed_again_and_again_an_import_comes_to_the_same(tmp_path: Path) -> None:
    source = database_2025(tmp_path / "mlruns.db")
    whole, broken_off = tmp_path / "whole.db", tmp_path / "broken-off.db"
    assert run(source, whole, 0) == 0
    chosen = random.Random(20)
    for _ in range(KILLS):
        assert run(source, broken_off, chosen.randint(1, 5)) == -signal.SIGKILL
    assert run(source, broken_off, 0) == 0
    assert await streams_in(broken_off) == await streams_in(whole)
