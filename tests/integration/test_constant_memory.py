"""A blob of any size passes in a few chunks of memory, up and down, alone and with many others."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.unit.artifact_proxy.serving import PROXY, serving

pytestmark = pytest.mark.no_cover

MIB = 1 << 20
LARGE_MIB = int(os.environ.get("TRACKLOG_LARGE_ARTIFACT_MIB", "64"))
"""Whoever doubts that 64 MiB tell of 5 GiB sets it to 5120."""

CHUNK = bytes(range(256)) * 256
"""What the client gives its socket at once: small, for the client's memory is measured too."""


def reset_peak() -> float:
    """Forget the process's peak of resident memory; what is resident now, in MiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def resident(field: str) -> float:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


async def content(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // len(CHUNK)):
        yield CHUNK


async def up_and_down(session: aiohttp.ClientSession, url: str, size: int, announced: bool = False) -> None:
    headers = {"Content-Length": str(size)} if announced else {}
    async with session.put(url, data=content(size), headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    received = 0
    async with session.get(url) as answer:
        assert answer.content_length == size
        async for chunk in answer.content.iter_any():
            received += len(chunk)
    assert received == size


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are read from Linux's /proc")
@pytest.mark.parametrize(("files", "mebibytes", "bound_mib"), [(1, LARGE_MIB, 16.0), (100, 6, 192.0)])
async def test_memory_does_not_grow_with_what_passes(
    tmp_path: Path, files: int, mebibytes: int, bound_mib: float
) -> None:
    """Client and server share the process here, so the bound holds for both together."""
    with serving(tmp_path) as server:
        url = f"http://127.0.0.1:{server.port}{PROXY}"
        async with aiohttp.ClientSession() as session:
            await up_and_down(session, f"{url}/warm", MIB)
            before = reset_peak()
            await asyncio.gather(*(up_and_down(session, f"{url}/{n}", mebibytes * MIB) for n in range(files)))
            assert resident("VmHWM") - before < bound_mib
        assert (
            sum(file.stat().st_size for file in tmp_path.iterdir() if file.is_file()) == (files * mebibytes + 1) * MIB
        )
