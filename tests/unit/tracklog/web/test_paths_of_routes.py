"""What the paths of routes stand for."""

from aiohttp import web
from aiohttp.test_utils import TestClient

from schemas.rest.route import NO_PREFIX, Kind, Limits, Permission, Route
from tests.web_server import WebServer
from tracklog.settings.process import WebSettings
from tracklog.web.app import create_app


async def test_the_rest_of_a_path_may_hold_any_character() -> None:
    async def rest(request: web.Request) -> web.StreamResponse:
        return web.Response(text=request.match_info["rest"])

    route = Route(
        method="GET",
        path="/below/{rest:.+}/end",
        prefixes=NO_PREFIX,
        handler=rest,
        kind=Kind.READ,
        permission=Permission.PUBLIC,
        limits=Limits(),
    )
    app = create_app([route], WebSettings())
    async with TestClient(WebServer(app)) as client:
        for escaped, text in (("a/b", "a/b"), ("%0A", "\n"), ("a%0D%0Ab/c", "a\r\nb/c")):
            answer = await client.get(f"/below/{escaped}/end")
            assert (answer.status, await answer.text()) == (200, text)
