"""What a sender reads of a read model in SQLite."""

from pathlib import Path

import pytest

from read_model import sqlite_link
from schemas.errors import TemporarilyUnavailable
from schemas.events import AnyEvent, ExperimentDeleted, ExperimentRestored, WebhookCreated, WebhookUpdated
from tests.unit.projector.histories import experiment, log_of
from tests.unit.projector.read_models import projected
from tracklog.webhooks.outbox_reader import OutboxRow, SqliteOutboxReader, Subscription

HISTORY: list[AnyEvent] = [
    WebhookCreated(
        webhook_id="w", name="n", url="https://example.com", events=["experiment.deleted"], since=[4], secret_id="s"
    ),
    experiment(),
    ExperimentDeleted(experiment_id=0),
    ExperimentRestored(experiment_id=0),
    ExperimentDeleted(experiment_id=0),
]


async def reader_of(folder: Path, *history: AnyEvent) -> SqliteOutboxReader:
    log = folder / "log"
    read_model = await projected(folder, await log_of(*history))
    sqlite_link.link_of(log).symlink_to(read_model.path.name)
    return SqliteOutboxReader(log)


async def test_webhooks_are_read_as_they_are_now(tmp_path: Path) -> None:
    checkpoints, (webhook,) = await (await reader_of(tmp_path, *HISTORY)).webhooks()
    assert list(checkpoints) == [0]
    assert webhook == Subscription(
        "w", "https://example.com", frozenset({"experiment.deleted"}), "ACTIVE", "s", (4,), (), 1000
    )
    assert webhook.is_active
    assert [webhook.first_offset(partition) for partition in (0, 1)] == [4, 0]


async def test_a_webhook_is_not_told_of_what_came_while_it_was_disabled(tmp_path: Path) -> None:
    changes = [
        WebhookUpdated(webhook_id="w", status="DISABLED", until=[5, 7]),
        WebhookUpdated(webhook_id="w", status="ACTIVE", since=[8, 7, 3]),
        WebhookUpdated(webhook_id="w", status="DISABLED", until=[11, 9, 4]),
    ]
    _, (webhook,) = await (await reader_of(tmp_path, *HISTORY, *changes)).webhooks()
    assert [offset for offset in range(14) if webhook.is_told(0, offset)] == [0, 1, 2, 3, 4, 8, 9, 10]
    assert [offset for offset in range(11) if webhook.is_told(1, offset)] == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert [offset for offset in range(5) if webhook.is_told(2, offset)] == [3]
    assert not webhook.is_told(3, 0)


async def test_rows_of_a_partition_are_read_in_order_from_an_offset_on(tmp_path: Path) -> None:
    reader = await reader_of(tmp_path, *HISTORY)
    data = '{"experiment_id":"0","name":"e0"}'
    rows = [OutboxRow(0, offset, "experiment.deleted", "experiment/0", 1_000_000 + offset, data) for offset in (2, 4)]
    assert await reader.rows(0, 0, 10) == rows
    assert await reader.rows(0, 0, 1) == rows[:1]
    assert await reader.rows(0, 3, 10) == rows[1:]
    assert await reader.rows(1, 0, 10) == []


async def test_a_read_model_that_takes_the_place_of_another_is_read(tmp_path: Path) -> None:
    reader = await reader_of(tmp_path, *HISTORY)
    other = await projected(tmp_path, await log_of())
    link = sqlite_link.link_of(tmp_path / "log")
    link.unlink()
    link.symlink_to(other.path.name)
    assert await reader.webhooks() == ({}, [])


async def test_where_there_is_none_it_is_said(tmp_path: Path) -> None:
    reader = SqliteOutboxReader(tmp_path / "log")
    with pytest.raises(TemporarilyUnavailable, match="no read model yet"):
        await reader.webhooks()
    sqlite_link.link_of(tmp_path / "log").symlink_to("gone")
    with pytest.raises(TemporarilyUnavailable, match="cannot be read now"):
        await reader.webhooks()
