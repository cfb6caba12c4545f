"""The front and its projector child may each be gone at any moment; the other must not stumble over it."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest
import uvloop

from tracklog.embedded.channel import Channel, LogGrew

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_sending_to_a_peer_that_is_gone_is_no_error(run: Run) -> None:
    async def send_to_nobody() -> None:
        ours, theirs = socket.socketpair()
        channel = await Channel.over(ours)
        channel.send(LogGrew(1))
        theirs.close()
        assert await channel.receive(msgspec.json.Decoder(LogGrew)) is None
        for _ in range(3):
            channel.send(LogGrew(2, urgent=True))
            await asyncio.sleep(0.01)
        channel.close()

    run(send_to_nobody())
