"""Rules of keeping a child running: whatever keeps one from starting is told, and the next is tried."""

import asyncio
import errno
import os
from collections.abc import Callable

import pytest

from tracklog.serving.supervision import START_S, Pulse, Supervisor, kill_when_silent


async def supervised(outcomes: list[BaseException | int | None], until: Callable[[Supervisor], bool]) -> Supervisor:
    """A supervisor whose children come to these ends, one after the other; the last of them runs on."""
    left = iter(outcomes)

    async def run() -> int | None:
        outcome = next(left, "runs")
        if outcome == "runs":
            supervisor.is_at_work()
            await asyncio.Event().wait()
        if isinstance(outcome, BaseException):
            raise outcome
        assert not isinstance(outcome, str)
        return outcome

    supervisor = Supervisor("projector", run, lambda: 0)
    running = asyncio.create_task(supervisor.keep_running(restart_s=0.0))
    async with asyncio.timeout(10):
        while not until(supervisor) and not running.done():
            await asyncio.sleep(0)
    is_alive = not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert is_alive
    return supervisor


def is_well(supervisor: Supervisor) -> bool:
    return supervisor.trouble is None


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENOENT, errno.EACCES])
async def test_no_error_of_starting_a_child_ends_the_supervision(number: int, caplog: pytest.LogCaptureFixture) -> None:
    error = OSError(number, os.strerror(number))
    await supervised([error, error], is_well)
    assert f"could not be started ({os.strerror(number)}); another is started" in caplog.text
    assert "Traceback" not in caplog.text


async def test_an_unexpected_error_does_not_end_it_either(caplog: pytest.LogCaptureFixture) -> None:
    await supervised([ValueError("odd"), 1, None], is_well)
    assert "could not be looked after (ValueError('odd'))" in caplog.text
    assert "ended with exit code 1" in caplog.text


async def test_while_no_child_is_at_work_the_supervisor_says_why() -> None:
    def has_failed(supervisor: Supervisor) -> bool:
        return "was ended by signal 9" in (supervisor.trouble or "")

    await supervised([-9], has_failed)


async def test_the_pause_grows_only_while_nothing_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    reached = iter([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            raise asyncio.CancelledError

    async def run() -> int:
        return 1

    monkeypatch.setattr(asyncio, "sleep", pause)
    with pytest.raises(asyncio.CancelledError):
        await Supervisor("projector", run, lambda: next(reached)).keep_running()
    assert pauses == [0.4, 0.8, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]


def test_a_child_is_lost_when_it_was_silent_in_too_many_looks_in_a_row() -> None:
    pulse = Pulse(2, 2)
    assert [pulse.is_lost() for _ in range(2)] == [False, False]
    pulse.heard()
    assert [pulse.is_lost() for _ in range(3)] == [False, False, True]


def test_a_child_may_take_longer_to_start_than_it_may_be_silent_later() -> None:
    pulse = Pulse.of(hung_s=2.0, ping_s=1.0)
    assert not any(pulse.is_lost() for _ in range(round(START_S)))
    assert (pulse.is_lost(), pulse.silent) == (True, round(START_S))
    pulse.heard()
    assert [pulse.is_lost() for _ in range(3)] == [False, False, True]


async def test_a_child_that_is_lost_is_killed_and_the_log_says_for_how_long_it_was_silent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    looks: list[int] = []

    class Suspended:
        killed = 0

        def kill(self) -> None:
            self.killed += 1

        async def wait(self) -> int:
            return -9

    child, pulse = Suspended(), Pulse(3, 3)
    await kill_when_silent(child, pulse, "caller", ping_s=0.0, look=lambda: looks.append(pulse.silent))
    assert (child.killed, looks) == (1, [1, 2, 3])
    await kill_when_silent(child, Pulse(2, 2), "projector", ping_s=0.001)
    assert "the projector gave no sign of life for 0.002 s; it is killed" in caplog.text
