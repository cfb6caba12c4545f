"""The provider over HTTP: what of its answers counts, and what is said when it does not answer as one."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.services.ports import free_port
from tracklog.authentication.oidc.provider import LOOK_AGAIN_S, MAX_ANSWER_BYTES, GrantRefused, Provider, ProviderAway
from tracklog.settings.oidc import OidcSettings

SECRET = "a secret: of mine"


class Answering:
    """Answers by what the test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.answers: dict[str, Callable[[], web.StreamResponse]] = {}
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.headers), dict(await request.post())))
        return self.answers[request.path]()

    def says(self, **changed: Any) -> None:
        """What it says of itself, with some of it changed or, by None, left out."""
        found = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint": f"{self.url}/token",
            "authorization_endpoint": f"{self.url}/auth",
            **changed,
        }
        kept = {name: value for name, value in found.items() if value is not None}
        self.answers["/.well-known/openid-configuration"] = lambda: web.json_response(kept)

    def provider(self, client_secret: str | None = SECRET) -> Provider:
        settings = OidcSettings(issuer=self.url, client_id="track log", client_secret=client_secret, audience="x")
        return Provider(settings, lambda: self.now_s)


@asynccontextmanager
async def closed_after(provider: Provider) -> AsyncIterator[Provider]:
    try:
        yield provider
    finally:
        await provider.close()


@pytest.fixture
async def there() -> AsyncIterator[Answering]:
    there = Answering()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", there.handle)
    async with TestServer(app) as server:
        there.url = str(server.make_url("")).rstrip("/")
        there.says()
        yield there


async def test_it_is_asked_once_where_its_keys_are(there: Answering) -> None:
    there.answers["/keys"] = lambda: web.json_response({"keys": [{"kid": "a"}]})
    async with closed_after(there.provider()) as provider:
        for _ in range(3):
            assert await provider.keys() == [{"kid": "a"}]
    assert [path for path, _, _ in there.asked] == ["/.well-known/openid-configuration", "/keys", "/keys", "/keys"]


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example.com"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "http://evil.example.com/keys"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": 1},
    ],
    ids=str,
)
async def test_one_that_is_not_whom_it_should_be_counts_as_away(there: Answering, changed: dict[str, Any]) -> None:
    there.says(**changed)
    async with closed_after(there.provider()) as provider:
        with pytest.raises(ProviderAway):
            await provider.metadata()


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=500, text="secret of theirs"),
        lambda: web.Response(text="secret of theirs"),
        lambda: web.Response(status=302, headers={"Location": "/token"}),
        lambda: web.json_response(["secret of theirs"]),
        lambda: web.json_response({"keys": "secret of theirs"}),
        lambda: web.json_response({"keys": [], "padding": "x" * MAX_ANSWER_BYTES}),
    ],
    ids=["fails", "no JSON", "elsewhere", "a list", "no keys", "too long"],
)
async def test_what_is_no_answer_counts_as_away(there: Answering, answer: Callable[[], web.Response]) -> None:
    there.answers["/keys"] = answer
    async with closed_after(there.provider()) as provider:
        with pytest.raises(ProviderAway) as refusal:
            await provider.keys()
        assert "secret" not in refusal.value.message
        assert there.url in refusal.value.message


async def test_where_nobody_answers_it_says_so(there: Answering) -> None:
    there.url = f"http://127.0.0.1:{free_port()}"
    async with closed_after(there.provider()) as provider:
        with pytest.raises(ProviderAway, match="nobody answers there"):
            await provider.metadata()


async def test_what_is_known_of_it_goes_on_counting(there: Answering) -> None:
    async with closed_after(there.provider()) as provider:
        known = await provider.metadata()
        there.answers.clear()
        there.now_s += 100_000
        assert await provider.metadata() == known


async def test_nobody_is_sent_to_one_that_is_away(there: Answering) -> None:
    async with closed_after(there.provider()) as provider:
        await provider.answering()
        there.answers.clear()
        await provider.answering()
        there.now_s += LOOK_AGAIN_S
        for _ in range(3):
            with pytest.raises(ProviderAway):
                await provider.answering()
        assert len(there.asked) == 2
        there.says()
        there.now_s += LOOK_AGAIN_S
        await provider.answering()


async def test_a_client_proves_who_it_is_in_the_header_unless_it_cannot(there: Answering) -> None:
    there.answers["/token"] = lambda: web.json_response({"access_token": "a"})
    async with closed_after(there.provider()) as provider:
        assert await provider.tokens(grant_type="refresh_token") == {"access_token": "a"}
    _, headers, form = there.asked[-1]
    assert headers["Authorization"] == "Basic dHJhY2srbG9nOmErc2VjcmV0JTNBK29mK21pbmU="
    assert form == {"grant_type": "refresh_token"}
    there.says(token_endpoint_auth_methods_supported=["client_secret_post"])
    async with closed_after(there.provider()) as provider:
        await provider.tokens(grant_type="refresh_token")
    assert there.asked[-1][2] == {"grant_type": "refresh_token", "client_id": "track log", "client_secret": SECRET}
    async with closed_after(there.provider(None)) as provider:
        await provider.tokens(grant_type="refresh_token")
    assert there.asked[-1][2] == {"grant_type": "refresh_token", "client_id": "track log"}


@pytest.mark.parametrize(
    ("status", "error", "raised"),
    [(400, "invalid_grant", GrantRefused), (401, "invalid_client", ProviderAway), (400, "x", ProviderAway)],
)
async def test_a_grant_that_counts_no_more_is_no_provider_that_is_away(
    there: Answering, status: int, error: str, raised: type[Exception]
) -> None:
    there.answers["/token"] = lambda: web.json_response({"error": error}, status=status)
    async with closed_after(there.provider()) as provider:
        with pytest.raises(raised):
            await provider.tokens(grant_type="refresh_token")
