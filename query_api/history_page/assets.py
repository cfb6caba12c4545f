"""The files that the pages load. A page asks for them by their content, so that a browser may keep them."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from schemas.errors import NotFound
from schemas.rest.route import NO_PREFIX, READ_LIMITS, Kind, Permission, Route

STATIC: Final = Path(__file__).parent / "static"

SCRIPT: Final = "history.js"
STYLE: Final = "history.css"
HTMX: Final = "htmx-2.0.8.min.js"
"""Of the npm package htmx.org, `dist/htmx.min.js`; its licence lies beside it."""

_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_MAX_AGE_S: Final = 28 * 24 * 60 * 60


def asset_route(path: str) -> Route:
    """The route of the files, below `path`."""
    contents = {name: (STATIC / name).read_bytes() for name in (SCRIPT, STYLE, HTMX)}

    async def handle_history_asset(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in contents:
            raise NotFound("The pages have no such file")
        headers = {hdrs.CACHE_CONTROL: f"public, max-age={_MAX_AGE_S}", hdrs.CONTENT_TYPE: _TYPES[Path(name).suffix]}
        return web.Response(body=contents[name], headers=headers)

    return Route(
        method=hdrs.METH_GET,
        path=f"{path}/static/{{name}}",
        prefixes=NO_PREFIX,
        handler=handle_history_asset,
        kind=Kind.PAGE,
        permission=Permission.PUBLIC,
        limits=READ_LIMITS,
    )


@cache
def version_of(name: str) -> str:
    """Another for another content of the file."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
