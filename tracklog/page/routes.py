"""Serving the stock MLflow page: its index at `/` and its files below `/static-files/`."""

import os
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from schemas.errors import NotFound
from schemas.rest.http_dates import http_date
from schemas.rest.route import KIB, NO_PREFIX, Handler, Kind, Limits, Permission, Route
from tracklog.page.fetch import ORIGIN_FILE, PAGE_VERSION

PAGE_LIMITS: Final = Limits(body_bytes=KIB, timeout_s=300.0)
# No request for a file carries a body; the largest file is 4.4 MB, and slow links exist.

ASSET_MAX_AGE_S: Final = 28 * 24 * 60 * 60
# Asset names carry a hash of their content. Source: what an MLflow 3.17 server sends.

CONTENT_TYPES: Final = {
    ".cjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".eot": "application/vnd.ms-fontobject",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
# Not left to the host's mime.types: with nosniff, a browser runs no script and no style of a wrong type.

DATED: Final = (hdrs.IF_MODIFIED_SINCE, hdrs.IF_UNMODIFIED_SINCE, hdrs.IF_RANGE)
"""Conditions that may hold a date. (The last may hold an ETag instead, which the framework does not know.)"""

PAGE_IS_MISSING: Final = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Tracklog</title>
<h1>Tracklog is running</h1>
<p>It serves the MLflow REST interface at this address. The files of the MLflow {PAGE_VERSION} page are not installed:
<p><code>tracklog fetch-page</code> downloads them; then load this address again.
</html>
"""


class PageFiles:
    """The files of a page's folder by their path in URLs.

    Only a name found in this table is ever opened, so no request can lead out of the folder. The table is made at
    the first request that finds files: they may be fetched while the server runs, and never change after that.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, Path] = {}

    def find(self, path: str) -> Path | None:
        """The file that `path`, relative to the page's folder, names; None when there is none."""
        if not self._files and self._folder is not None and (self._folder / ORIGIN_FILE).is_file():
            self._files = files_by_path(self._folder)
        return self._files.get(path)


def files_by_path(folder: Path) -> dict[str, Path]:
    """The servable files of `folder`: neither links nor the compressed copies, which stand in for their originals."""
    return {
        file.relative_to(folder).as_posix(): file
        for place, _folders, names in os.walk(folder)
        for name in names
        if (file := Path(place, name)).suffix in CONTENT_TYPES and not file.is_symlink()
    }


def page_routes(folder: Path | None) -> tuple[Route, ...]:
    """The routes of the page whose files lie in `folder`; without files the index says how to get them."""
    files = PageFiles(folder)

    async def index(_request: web.Request) -> web.StreamResponse:
        file = files.find("index.html")
        if file is None:
            return web.Response(
                text=PAGE_IS_MISSING, content_type="text/html", headers={hdrs.CACHE_CONTROL: "no-store"}
            )
        return file_response(file, cache_control="no-cache")

    async def asset(request: web.Request) -> web.StreamResponse:
        file = files.find(request.match_info["path"])
        if file is None:
            raise NotFound("The page has no such file")
        return file_response(file, cache_control=f"public, max-age={ASSET_MAX_AGE_S}")

    return (
        page_route("/", index, Permission.AUTHENTICATED),
        page_route("/static-files/{path:.+}", asset),
    )


def page_route(path: str, handler: Handler, permission: Permission = Permission.PUBLIC) -> Route:
    """A route of the page's own. Its files say nothing of anybody; its first one makes a browser ask for a password."""
    return Route(
        method="GET",
        path=path,
        prefixes=NO_PREFIX,
        handler=handler,
        kind=Kind.PAGE,
        permission=permission,
        limits=PAGE_LIMITS,
    )


class PageFile(web.FileResponse):
    """A file, sent without regard to conditions whose dates are none: the framework raises for some of them."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        odd = [name for name in DATED if name in request.headers and http_date(request.headers[name]) is None]
        if odd:
            headers = CIMultiDict(request.headers)
            for name in odd:
                headers.popall(name)
                if name == hdrs.IF_RANGE:
                    headers.popall(hdrs.RANGE, None)  # the client has another version, or who knows which
            request = request.clone(headers=headers)
        return await super().prepare(request)


def file_response(file: Path, cache_control: str) -> web.FileResponse:
    """`file` or its compressed copy, with an ETag; 304 when the client has it already."""
    headers = {
        hdrs.CONTENT_TYPE: CONTENT_TYPES[file.suffix],
        hdrs.CACHE_CONTROL: cache_control,
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
    }
    return PageFile(file, headers=headers)
