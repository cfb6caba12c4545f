"""aiohttp's test server with the connections of a real one: for what `create_app` makes."""

from typing import Any

from aiohttp.test_utils import TestServer
from aiohttp.web_runner import BaseRunner

from tracklog.web.app import create_runner


class WebServer(TestServer):
    """Serves an application of ours on a free port of 127.0.0.1."""

    async def _make_runner(self, **options: Any) -> BaseRunner:
        options.pop("handler_cancellation", None)
        return create_runner(self.app, **options)
