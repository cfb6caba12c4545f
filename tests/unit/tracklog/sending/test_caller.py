"""The process that calls out, within this one: it makes the calls that come, until whoever hands them over is gone."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.unit.tracklog.webhooks.receiver import receiving, says_ok
from tracklog.sending import caller
from tracklog.sending.caller_process import STREAM_LIMIT_BYTES, CallerSettings
from tracklog.webhooks.call import Call, Outcome
from tracklog.webhooks.frames import Frames

ALLOWING = CallerSettings(schemes=["http"], private=True, timeout_s=60.0)


@asynccontextmanager
async def calling(settings: CallerSettings) -> AsyncIterator[tuple[Frames[Outcome], "asyncio.Task[None]"]]:
    """The sender's end, and the other; it ends with the sender."""
    ours, theirs = socket.socketpair()
    other = asyncio.create_task(caller.main(settings, theirs))
    reader, writer = await asyncio.open_unix_connection(sock=ours, limit=STREAM_LIMIT_BYTES)
    frames = Frames(reader, writer, Outcome)
    try:
        yield frames, other
    finally:
        frames.close()
        async with asyncio.timeout(60):
            await other


async def outcome(frames: Frames[Outcome]) -> Outcome:
    """The next that is more than a sign of life."""
    async with asyncio.timeout(60):
        while True:
            if (found := await frames.receive()) is not None:
                return found


async def test_calls_are_made_and_their_outcomes_told_by_their_numbers() -> None:
    async with receiving(says_ok()) as receiver, calling(ALLOWING) as (frames, _):
        assert await frames.receive() is None  # it is at work
        for number in (7, 8):
            frames.send(Call(number=number, url=receiver.url, headers=[], body=b"{}"))
        found = [await outcome(frames) for _ in range(2)]
        assert sorted((one.number, one.status) for one in found) == [(7, 200), (8, 200)]


async def test_where_it_may_not_call_is_an_outcome_too() -> None:
    async with receiving(says_ok()) as receiver, calling(CallerSettings(["https"], False, 60.0)) as (frames, other):
        frames.send(Call(number=1, url=receiver.url, headers=[], body=b"{}"))
        found = await outcome(frames)
        assert (found.number, found.status, bool(found.error)) == (1, None, True)
        assert not other.done()
        assert receiver.connections == 0


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        ((1024, 4096), (4096, 4096)),
        ((1024, resource.RLIM_INFINITY), (caller.OPEN_FILES, resource.RLIM_INFINITY)),
        ((caller.OPEN_FILES, caller.OPEN_FILES), None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), None),
    ],
)
def test_as_many_files_may_be_open_as_the_system_allows(
    limits: tuple[int, int], raised: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, to: made.append(to))
    caller._raise_open_files()
    assert made == ([] if raised is None else [raised])
