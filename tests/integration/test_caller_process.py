"""The process that calls out, as its sender uses it: a child, without credentials, that may die at any time."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from schemas.errors import TemporarilyUnavailable
from tests.eventually import until
from tests.unit.tracklog.webhooks.receiver import receiving, says_ok
from tracklog.background import in_background
from tracklog.sending import caller_process
from tracklog.sending.caller_process import CallerProcess, CallerSettings, environment_of_a_caller
from tracklog.webhooks import calling
from tracklog.webhooks.call import Call

ALLOWING = CallerSettings(["http", "https"], private=True, timeout_s=30.0)


@asynccontextmanager
async def running(settings: CallerSettings = ALLOWING) -> AsyncIterator[CallerProcess]:
    caller = CallerProcess(settings)
    async with in_background(caller.keep_running()):
        yield caller


def a_call(url: str, number: int) -> Call:
    return Call(number, url, [("Content-Type", "application/json")], b"{}")


def pid_of(caller: CallerProcess) -> int:
    assert caller.pid is not None
    return caller.pid


async def test_calls_are_made_by_a_child_that_leaves_with_its_sender() -> None:
    async with receiving(says_ok()) as receiver:
        async with running() as caller:
            outcomes = await asyncio.gather(*(caller.call(a_call(receiver.url, number)) for number in range(100)))
            await caller.check()
            pid = pid_of(caller)
        assert [(outcome.number, outcome.status) for outcome in outcomes] == [(n, 200) for n in range(100)]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_child_obeys_the_policy() -> None:
    async with receiving(says_ok()) as receiver, running(CallerSettings(["http"], False, 30.0)) as caller:
        assert (await caller.call(a_call(receiver.url, 1))).error == calling.NOT_ALLOWED
    assert receiver.connections == 0


async def test_calls_under_way_at_the_childs_death_come_back_as_an_error_and_the_next_are_made() -> None:
    hangs = True

    async def answer(writer: asyncio.StreamWriter) -> None:
        if hangs:
            await asyncio.Event().wait()
        await says_ok()(writer)

    async with receiving(answer) as receiver, running() as caller:
        under_way = [asyncio.create_task(caller.call(a_call(receiver.url, number))) for number in range(3)]
        await until(lambda: len(receiver.requests) == 3)
        hangs = False
        os.kill(pid_of(caller), signal.SIGKILL)
        outcomes = await asyncio.gather(*under_way)
        assert [(one.number, one.status, one.error) for one in outcomes] == [
            (number, None, caller_process.GONE) for number in range(3)
        ]
        assert (await caller.call(a_call(receiver.url, 4))).status == 200


async def test_a_child_that_cannot_be_started_is_told_and_calls_come_to_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    caller = CallerProcess(ALLOWING, start_s=0.01)
    with pytest.raises(TemporarilyUnavailable, match="starts"):
        await caller.check()
    async with in_background(caller.keep_running()):
        assert (await caller.call(a_call("http://127.0.0.1/", 1))).error == caller_process.NOT_THERE
        with pytest.raises(TemporarilyUnavailable, match="could not be started"):
            await caller.check()


async def test_the_child_has_no_credentials_and_no_files_of_its_sender(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "postgresql://user:kept-secret@host/database")
    monkeypatch.setenv("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", "kept-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "kept-secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:kept-secret@proxy/")
    with (tmp_path / "store").open("w") as store:
        os.set_inheritable(store.fileno(), True)
        async with receiving(says_ok()) as receiver, running() as caller:
            await caller.call(a_call(receiver.url, 1))
            process = Path(f"/proc/{pid_of(caller)}")
            assert b"kept-secret" not in (process / "environ").read_bytes()
            assert b"kept-secret" not in (process / "cmdline").read_bytes()
            assert str(tmp_path / "store") not in {os.readlink(file) for file in (process / "fd").iterdir()}


async def test_signals_that_reach_every_process_do_not_end_the_child_before_its_sender() -> None:
    async with receiving(says_ok()) as receiver, running() as caller:
        await caller.call(a_call(receiver.url, 1))
        pid = pid_of(caller)
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        assert (await caller.call(a_call(receiver.url, 2))).status == 200
        assert pid_of(caller) == pid


async def test_a_child_that_is_suspended_is_killed_and_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_process, "PING_S", 0.05)
    async with receiving(says_ok()) as receiver:
        caller = CallerProcess(ALLOWING, hung_s=2.0)
        async with in_background(caller.keep_running()):
            await caller.call(a_call(receiver.url, 1))
            first = pid_of(caller)
            os.kill(first, signal.SIGSTOP)
            outcome = await caller.call(a_call(receiver.url, 2))
            assert outcome.error == caller_process.GONE
            assert (await caller.call(a_call(receiver.url, 3))).status == 200
            assert pid_of(caller) != first


def test_of_the_environment_a_child_gets_only_what_it_needs() -> None:
    kept = {"LANG": "C.UTF-8", "SSL_CERT_FILE": "/ca.pem", "COVERAGE_PROCESS_START": "x"}
    assert environment_of_a_caller({**kept, "PGPASSWORD": "x", "no_proxy": "x", "LD_PRELOAD": "x"}) == kept
