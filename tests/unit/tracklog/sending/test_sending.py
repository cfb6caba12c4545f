"""A sender with its caller: what is away is waited for and told, what is stopped lets go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric

from schemas.errors import TemporarilyUnavailable
from tests.eventually import until
from tests.unit.tracklog.webhooks.receiver import receiving, says_ok
from tracklog.sending.sending import MakeCall, Sender, Sending
from tracklog.settings.webhooks import WebhookSettings
from tracklog.webhooks.call import Call, Outcome

ALLOWING = WebhookSettings(schemes=frozenset({"http"}), private=True)


class OneCall(Sender):
    """Makes one call, and waits to be stopped."""

    def __init__(self, make: MakeCall, url: str) -> None:
        self._make = make
        self._url = url
        self.outcome: Outcome | None = None

    @property
    def trouble(self) -> str | None:
        return "nothing was sent yet" if self.outcome is None else None

    async def run(self, stopping: asyncio.Event) -> None:
        self.outcome = await self._make(Call(1, self._url, [], b"{}"))
        await stopping.wait()

    async def measured(self) -> list[Metric]:
        return [GaugeMetricFamily("one", "A number.", value=1)]


async def test_a_sender_sends_by_a_caller_and_stops_when_told_to() -> None:
    senders: list[OneCall] = []

    async with receiving(says_ok()) as receiver:

        @asynccontextmanager
        async def opened(make: MakeCall) -> AsyncIterator[Sender]:
            senders.append(OneCall(make, receiver.url))
            yield senders[0]

        sending, stopping = Sending(opened, ALLOWING), asyncio.Event()
        assert sending.trouble == "The sender starts."
        assert await sending.measured() == []
        with pytest.raises(TemporarilyUnavailable):
            await sending.check_caller()
        running = asyncio.create_task(sending.run(stopping))
        await until(lambda: senders and senders[0].outcome)
        assert senders[0].outcome is not None
        assert senders[0].outcome.status == 200
        await sending.check_sender()
        await sending.check_caller()
        assert len(await sending.measured()) == 1
        stopping.set()
        await running


async def test_stores_that_are_away_are_tried_again_and_told(caplog: pytest.LogCaptureFixture) -> None:
    tries = 0

    @asynccontextmanager
    async def away(_make: MakeCall) -> AsyncIterator[Sender]:
        nonlocal tries
        tries += 1
        raise TemporarilyUnavailable("The database is away.")
        yield

    sending, stopping = Sending(away, ALLOWING, again_s=0.0), asyncio.Event()
    running = asyncio.create_task(sending.run(stopping))
    await until(lambda: tries >= 3)
    with pytest.raises(TemporarilyUnavailable, match="The database is away"):
        await sending.check_sender()
    stopping.set()
    await running
    assert caplog.text.count("nothing is sent: The database is away.") == 1


async def test_a_fault_of_the_program_is_not_waited_for() -> None:
    @asynccontextmanager
    async def broken(_make: MakeCall) -> AsyncIterator[Sender]:
        raise ValueError("odd")
        yield

    with pytest.raises(ValueError, match="odd"):
        await Sending(broken, ALLOWING).run(asyncio.Event())
