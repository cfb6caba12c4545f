"""What events of webhooks come to: from where to where one was disabled, whoever raced for its status."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from projector.projections.webhooks import MAX_PAUSES
from schemas.events import AnyEvent, WebhookCreated, WebhookUpdated
from tests.unit.projector.histories import log_of
from tests.unit.projector.read_models import projected


def created(**given: Any) -> WebhookCreated:
    return WebhookCreated(webhook_id="w", name="n", url="https://example.com", events=[], since=[4, 2], **given)


def active(since: list[int] | None = None) -> WebhookUpdated:
    return WebhookUpdated(webhook_id="w", status="ACTIVE", since=since)


def disabled(until: list[int] | None = None) -> WebhookUpdated:
    return WebhookUpdated(webhook_id="w", status="DISABLED", until=until)


async def pauses(folder: Path, *events: AnyEvent) -> Any:
    read_model = await projected(folder, await log_of(*events))
    [(since, value)] = read_model.rows("SELECT since, pauses FROM webhooks")
    assert since == "[4,2]"
    return orjson.loads(str(value))


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([created()], []),
        ([created(status="DISABLED")], [[[4, 2], None]]),
        ([created(status="DISABLED"), active([6, 3])], [[[4, 2], [6, 3]]]),
        ([created(), disabled([6, 3])], [[[6, 3], None]]),
        ([created(), disabled([6, 3]), disabled([7, 4]), active([8, 5]), active([9, 6])], [[[6, 3], [8, 5]]]),
        ([created(), active([6, 3])], []),
        (
            [created(), disabled([6, 3]), active([8, 5]), disabled([9, 6])],
            [[[6, 3], [8, 5]], [[9, 6], None]],
        ),
        ([created(), disabled([6, 3]), WebhookUpdated(webhook_id="w", name="m")], [[[6, 3], None]]),
        # Events of the first version say less.
        ([created(), disabled(), active([8, 5])], [[[], [8, 5]]]),
        ([created(), disabled([6, 3]), active()], [[[6, 3], []]]),
    ],
)
async def test_a_pause_is_from_one_change_of_the_status_to_the_next(
    tmp_path: Path, history: list[AnyEvent], expected: Any
) -> None:
    assert await pauses(tmp_path, *history) == expected


async def test_of_very_many_pauses_the_newest_are_kept(tmp_path: Path) -> None:
    rounds = [change for number in range(MAX_PAUSES + 1) for change in (disabled([number]), active([number + 1]))]
    kept = await pauses(tmp_path, created(), *rounds)
    assert kept == [[[number], [number + 1]] for number in range(1, MAX_PAUSES + 1)]
