"""A handler's answer that is JSON and nothing else: no status, header or encoding of its own."""

from typing import Final

from aiohttp import web

CONTENT_TYPE: Final = "application/json"


class JsonAnswer(web.Response):
    """200 with `body`, JSON in UTF-8. Most answers are one, so the web front has a short way to send them."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body=body, content_type=CONTENT_TYPE)
