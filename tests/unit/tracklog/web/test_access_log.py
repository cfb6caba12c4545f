"""Rules of the access log: it costs requests nothing, whoever reads it."""

import asyncio
import json
import os

import pytest

from tracklog.web import access_log
from tracklog.web.access_log import AccessLog
from tracklog.web.metrics import RequestCounts


def pipe_without_room() -> tuple[int, int]:
    """The ends of a pipe whose reader has fallen asleep."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return reading, writing


async def test_lines_are_written_soon_and_those_left_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "FLUSH_S", 0.01)
    reading, writing = os.pipe()
    log = AccessLog(writing, RequestCounts())
    async with log.running():
        log.add({"number": 1})
        first = await asyncio.to_thread(os.read, reading, 4096)
        log.add({"number": 2})
    os.close(writing)
    rest = os.read(reading, 4096)
    os.close(reading)
    assert [json.loads(line)["number"] for line in (first + rest).splitlines()] == [1, 2]


async def test_a_sleeping_reader_stops_nobody_and_lost_lines_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "FLUSH_S", 0.01)
    monkeypatch.setattr(access_log, "MAX_WAITING_BYTES", 100)
    reading, writing = pipe_without_room()
    counts = RequestCounts()
    log = AccessLog(writing, counts)
    async with asyncio.timeout(10), log.running():
        while not counts.access_log_dropped:
            log.add({"text": "x" * 30})
            await asyncio.sleep(access_log.FLUSH_S)
        os.close(reading)
    os.close(writing)


async def test_a_reader_that_is_gone_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    counts = RequestCounts()
    log = AccessLog(writing, counts)
    async with log.running():
        log.add({"number": 1})
        log.add({"number": 2})
    os.close(writing)
    assert counts.access_log_dropped == 2
