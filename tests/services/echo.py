"""Stand-ins of the roles, which say what reached them."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Echo:
    """A server that answers with what it was sent; `seen` holds the requests, oldest first."""

    role: str
    port: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append((request.method, request.raw_path))
        received = hashlib.sha256()
        size = 0
        async for part in request.content.iter_any():
            received.update(part)
            size += len(part)
        if request.headers.get("X-Break-Off"):
            assert request.transport is not None
            request.transport.abort()
        said = {
            "role": self.role,
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "size": size,
            "sha256": received.hexdigest(),
        }
        return web.Response(body=json.dumps(said), content_type="application/json", headers={"X-Role": self.role})

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Echo"]:
        runner = web.ServerRunner(web.Server(self.answer), shutdown_timeout=1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", self.port)
            await site.start()
            self.port = runner.addresses[0][1]
            yield self
        finally:
            await runner.cleanup()
