"""Rules of the page: what its routes answer, with and without its files."""

import gzip
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer
from yarl import URL

from schemas.errors import NotFound
from schemas.rest.route import Handler, Kind, Permission
from tracklog.page.fetch import ORIGIN_FILE
from tracklog.page.routes import page_routes

INDEX = "<!doctype html><title>a page</title>"
SCRIPT = "const answer = 42;\n" * 100


@web.middleware
async def not_found_as_404(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Stands in for the server's own error middleware."""
    try:
        return await handler(request)
    except NotFound as error:
        return web.Response(status=error.status, text=error.message)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small page, laid out as a fetch leaves it, with a secret beside it."""
    (tmp_path / "secret.txt").write_text("not for the web")
    page = tmp_path / "page"
    (page / "static" / "js").mkdir(parents=True)
    (page / "index.html").write_text(INDEX)
    (page / "static" / "js" / "main.0a1b.js").write_text(SCRIPT)
    (page / "static" / "js" / "main.0a1b.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (page / "static" / "font.woff2").write_bytes(b"\0\1")
    (page / "static" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (page / ORIGIN_FILE).write_text("from a test")
    return page


async def serve(folder: Path | None) -> AsyncIterator[URL]:
    """A server with the routes of the page alone."""
    app = web.Application(middlewares=[not_found_as_404])
    for route in page_routes(folder):
        for prefix in route.prefixes:
            app.router.add_route(route.method, prefix + route.path, route.handler)
    async with TestServer(app) as server:
        yield server.make_url("/")


@pytest.fixture
async def page(folder: Path) -> AsyncIterator[URL]:
    async for address in serve(folder):
        yield address


@pytest.fixture
async def page_without_files(tmp_path: Path) -> AsyncIterator[URL]:
    async for address in serve(tmp_path / "nothing"):
        yield address


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """A client that sees the bytes as they are sent."""
    async with ClientSession(auto_decompress=False, connector=TCPConnector(limit=1)) as session:
        yield session


async def test_the_index_is_revalidated_at_every_load(page: URL, client: ClientSession) -> None:
    async with client.get(page) as first:
        assert await first.text() == INDEX
        assert first.headers["Content-Type"] == "text/html; charset=utf-8"
        assert first.headers["Cache-Control"] == "no-cache"
    async with client.get(page, headers={"If-None-Match": first.headers["ETag"]}) as second:
        assert second.status == 304
        assert await second.read() == b""
    async with client.get(page, headers={"If-None-Match": '"another"'}) as third:
        assert third.status == 200


async def test_assets_are_kept_for_28_days(page: URL, client: ClientSession) -> None:
    async with client.get(page.join(URL("static-files/static/js/main.0a1b.js"))) as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=2419200"
        assert answer.headers["ETag"]


async def test_a_client_that_takes_gzip_gets_the_compressed_copy(page: URL, client: ClientSession) -> None:
    address = page.join(URL("static-files/static/js/main.0a1b.js"))
    async with client.get(address, headers={"Accept-Encoding": "gzip, br"}) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert gzip.decompress(await packed.read()).decode() == SCRIPT
    async with client.get(address, headers={"Accept-Encoding": "identity"}) as plain:
        assert "Content-Encoding" not in plain.headers
        assert await plain.text() == SCRIPT
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]


async def test_a_font_has_its_own_content_type(page: URL, client: ClientSession) -> None:
    async with client.get(page.join(URL("static-files/static/font.woff2"))) as answer:
        assert answer.headers["Content-Type"] == "font/woff2"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2fsecret.txt",
        "static/../../secret.txt",
        "static/%2e%2e/%2e%2e/secret.txt",
        "..%5csecret.txt",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "static/link.txt",
        "static",
        "static/",
        "static/js/main.0a1b.js/",
        "static/js/main.0a1b.js.gz",
        "static/js/main.0a1b.js%00",
        "no-such-file.js",
    ],
)
async def test_what_is_not_a_file_of_the_page_is_not_found(page: URL, client: ClientSession, path: str) -> None:
    async with client.get(URL(f"{page}static-files/{path}", encoded=True)) as answer:
        assert answer.status == 404
        assert "not for the web" not in await answer.text()


async def test_without_files_the_index_says_how_to_get_them(page_without_files: URL, client: ClientSession) -> None:
    async with client.get(page_without_files) as index:
        assert index.status == 200
        assert index.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "tracklog fetch-page" in await index.text()
    async with client.get(page_without_files.join(URL("static-files/static/js/main.0a1b.js"))) as asset:
        assert asset.status == 404


async def test_files_fetched_while_the_server_runs_are_served(
    page_without_files: URL, client: ClientSession, folder: Path, tmp_path: Path
) -> None:
    async with client.get(page_without_files) as before:
        assert "tracklog fetch-page" in await before.text()
    shutil.move(folder, tmp_path / "nothing")
    async with client.get(page_without_files) as after:
        assert await after.text() == INDEX


def test_the_page_makes_a_browser_ask_who_looks_at_it_and_its_files_are_for_everybody() -> None:
    assert {(route.path, route.kind, route.permission) for route in page_routes(None)} == {
        ("/", Kind.PAGE, Permission.AUTHENTICATED),
        ("/static-files/{path:.+}", Kind.PAGE, Permission.PUBLIC),
    }


ODD_DATES = [
    *("Sat, 01 Jan 99999999999999 00:00:00 GMT", "Sat, 01 Jan 0000 00:00:00 GMT", "Sat, 99 Jan 2020 99:99:99 GMT"),
    *(f"Sat, 01 Jan {'9' * 5000} 00:00:00 GMT", "Sat, 01 Jan 2020 00:00:00 +99999999999", "-1", "0", ",", "\xff"),
]


@pytest.mark.parametrize("date", ODD_DATES)
@pytest.mark.parametrize("header", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
@pytest.mark.parametrize("path", ["", "static-files/static/js/main.0a1b.js"])
async def test_a_condition_with_an_odd_date_is_none(page: URL, path: str, header: str, date: str) -> None:
    async with (
        ClientSession() as session,
        session.get(page.join(URL(path)), headers={header: date, "Range": "bytes=0-1"}) as answer,
    ):
        assert answer.status == (200 if header == "If-Range" else 206)


async def test_a_condition_with_a_date_is_heeded(page: URL) -> None:
    async with ClientSession() as session, session.get(page) as answer:
        modified = answer.headers["Last-Modified"]
    async with ClientSession() as session, session.get(page, headers={"If-Modified-Since": modified}) as answer:
        assert answer.status == 304
