"""The sender as a child of a server: only where there is a webhook, and told of its trouble."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from prometheus_client.core import CounterMetricFamily

from schemas.errors import TemporarilyUnavailable
from tests.eventually import until
from tracklog.background import in_background
from tracklog.sending import supervised_sender
from tracklog.sending.sender_messages import ChildSettings, MetricTold
from tracklog.sending.supervised_sender import SupervisedSender
from tracklog.settings.webhooks import WebhookSettings

SETTINGS = ChildSettings.of({"log": "/data/tracklog.db"}, WebhookSettings(keys="kept-secret"))

A_CHILD = """
import json, sys, time
settings = json.loads(sys.stdin.readline())
open(sys.argv[1], "a").write(settings["keys"] + "\\n")
samples = [["tracklog_webhook_attempts_total", {"outcome": "failed"}, 3]]
metric = {"name": "tracklog_webhook_attempts", "documentation": "", "kind": "counter", "samples": samples}
print(json.dumps({"trouble": sys.argv[2] or None, "metrics": [metric]}), flush=True)
sys.stdin.read()
"""


async def always() -> bool:
    return True


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file into which each child writes a line at its start."""
    file = tmp_path / "told"
    monkeypatch.setattr(supervised_sender, "program_of", lambda module: ("-c", A_CHILD, str(file), module))
    return file


async def test_there_is_no_sender_before_there_is_a_webhook(told: Path) -> None:
    answers: Iterator[bool | Exception] = iter([False, TemporarilyUnavailable("away"), False, True])
    asked = 0

    async def is_there_a_webhook() -> bool:
        nonlocal asked
        asked += 1
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        assert not told.exists()
        return answer

    sender = SupervisedSender("", SETTINGS, is_there_a_webhook, look_s=0.0)
    async with in_background(sender.keep_running()):
        await sender.check()
        await until(told.exists)
        assert asked == 4
        assert sender.pid is not None


@pytest.mark.slow
async def test_a_sender_that_dies_is_followed_by_another(told: Path) -> None:
    sender = SupervisedSender("", SETTINGS, always)
    async with in_background(sender.keep_running()):
        await until(lambda: told.exists() and told.read_text() == "kept-secret\n")
        await until(lambda: sender.is_at_work)
        first = sender.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: told.read_text() == "kept-secret\n" * 2)
        assert sender.pid != first
    assert sender.pid is None


async def test_what_keeps_a_sender_from_sending_is_told(told: Path) -> None:
    sender = SupervisedSender("The database is away.", SETTINGS, always)
    async with in_background(sender.keep_running()):
        await until(lambda: sender.is_at_work)
        with pytest.raises(TemporarilyUnavailable, match="The database is away"):
            await sender.check()


@pytest.mark.slow
async def test_a_sender_that_is_suspended_is_killed(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised_sender, "PING_S", 0.02)
    sender = SupervisedSender("", SETTINGS, always, hung_s=0.1)
    async with in_background(sender.keep_running()):
        await until(lambda: told.exists() and told.read_text() == "kept-secret\n" * 2)


def test_a_sender_is_told_its_stores_and_settings() -> None:
    webhooks = WebhookSettings(private=True, timeout_s=2.5, keys="k", key_file=Path("/keys"))
    stores = {"log": "/data/tracklog.db", "other": None}
    sent = msgspec.json.decode(msgspec.json.encode(ChildSettings.of(stores, webhooks)), type=ChildSettings)
    assert (sent.webhooks, sent.stores) == (webhooks, stores)


async def test_what_a_sender_counts_is_shown_by_its_server(told: Path) -> None:
    sender = SupervisedSender("", SETTINGS, always)
    assert await sender.measured() == []
    async with in_background(sender.keep_running()):
        await until(lambda: sender.is_at_work)
        (metric,) = await sender.measured()
        assert (metric.name, metric.type) == ("tracklog_webhook_attempts", "counter")
        assert [(one.name, one.labels, one.value) for one in metric.samples] == [
            ("tracklog_webhook_attempts_total", {"outcome": "failed"}, 3.0)
        ]


def test_a_metric_is_the_same_at_the_other_end() -> None:
    metric = CounterMetricFamily("tracklog_webhook_attempts", "Calls.", labels=["outcome"])
    metric.add_metric(["failed"], 3)
    assert MetricTold.of(metric).metric() == metric
