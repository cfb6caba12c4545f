"""A login under way: what is sent to the provider, and which answer of it counts."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from schemas.errors import Unauthenticated
from tests.unit.tracklog.authentication.oidc.provider_keys import (
    ISSUER,
    KEYS,
    NOW_S,
    OTHERS_KEY,
    SETTINGS,
    claims,
    token,
)
from tracklog.authentication.oidc.login import Attempt, Login, is_own_path
from tracklog.authentication.oidc.provider import Provider, ProviderMetadata
from tracklog.authentication.oidc.sessions import Tokens
from tracklog.authentication.oidc.signing_keys import SigningKeys

BACK = "http://127.0.0.1:5000/oidc/callback"
METADATA = ProviderMetadata(
    f"{ISSUER}/keys", f"{ISSUER}/auth?a=b", f"{ISSUER}/token", None, f"{ISSUER}/out", True, True
)


class Told(Provider):
    """A provider that gives what the test says."""

    def __init__(self, **given: Any) -> None:
        self.given = given
        self.grants: list[dict[str, str]] = []
        self.who: dict[str, Any] = {}

    async def metadata(self) -> ProviderMetadata:
        return METADATA

    async def answering(self) -> ProviderMetadata:
        return METADATA

    async def tokens(self, **grant: str) -> dict[str, Any]:
        self.grants.append(grant)
        return self.given

    async def userinfo(self, access_token: str) -> dict[str, Any]:
        return self.who


async def fetched() -> list[dict[str, Any]]:
    return KEYS


def login(provider: Provider) -> Login:
    return Login(SETTINGS, provider, SigningKeys(fetched, lambda: 0.0), lambda: NOW_S)


def id_token(attempt: Attempt, **changed: Any) -> str:
    return token(claims(**{"aud": "tracklog", "typ": "ID", "nonce": attempt.nonce, **changed}))


@pytest.fixture
def attempt() -> Attempt:
    return Attempt.new("/?a=b")


async def test_the_provider_sees_neither_the_secret_nor_the_verifier(attempt: Attempt) -> None:
    url = await login(Told()).url(attempt, BACK)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked == {
        "a": "b",
        "response_type": "code",
        "client_id": "tracklog",
        "redirect_uri": BACK,
        "scope": "openid profile email groups",
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
    }
    assert attempt.secret not in url
    assert attempt.verifier not in url
    assert len({attempt.state, attempt.nonce, attempt.verifier, attempt.secret}) == 4


async def test_who_has_logged_in_is_whom_the_token_names(attempt: Attempt) -> None:
    provider = Told(id_token=id_token(attempt), refresh_token="r", expires_in=60)
    renewed = await login(provider).finished(attempt, "code", BACK)
    assert (renewed.known.username, renewed.known.groups, renewed.good_s) == ("ada", ("mlops", "readers"), 60)
    assert renewed.tokens == Tokens("r", provider.given["id_token"])
    assert provider.grants == [
        {
            "grant_type": "authorization_code",
            "code": "code",
            "redirect_uri": BACK,
            "code_verifier": attempt.verifier,
        }
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": None},
        {"nonce": "another"},
        {"nonce": ["n"]},
        {"aud": "grafana"},
        {"aud": ["tracklog", "grafana"]},
        {"aud": ["tracklog", "grafana"], "azp": "grafana"},
        {"azp": "grafana"},
        {"iss": "https://evil.example.com"},
        {"exp": NOW_S - 60},
        {"sub": None},
    ],
    ids=str,
)
async def test_a_token_of_another_login_or_client_is_refused(attempt: Attempt, changed: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        await login(Told(id_token=id_token(attempt, **changed))).finished(attempt, "code", BACK)


async def test_a_token_that_the_provider_has_not_signed_is_refused(attempt: Attempt) -> None:
    said = claims(aud="tracklog", nonce=attempt.nonce)
    for given in ({}, {"id_token": 1}, {"id_token": token(said, key=OTHERS_KEY)}):
        with pytest.raises(Unauthenticated):
            await login(Told(**given)).finished(attempt, "code", BACK)


async def test_who_somebody_is_by_now_is_asked_with_the_refresh_token(attempt: Attempt) -> None:
    provider = Told(id_token=id_token(attempt, nonce=None, groups=[]))
    renewed = await login(provider).renewed("r", "ada-1")
    assert renewed.known.groups == ()
    assert provider.grants == [{"grant_type": "refresh_token", "refresh_token": "r"}]
    with pytest.raises(Unauthenticated):
        await login(provider).renewed("r", "bob-1")


async def test_where_no_token_comes_the_provider_is_asked_who_that_is() -> None:
    provider = Told(access_token="a")
    provider.who = {"sub": "ada-1", "preferred_username": "ada", "groups": ["readers"]}
    assert (await login(provider).renewed("r", "ada-1")).known.groups == ("readers",)
    provider.who = {"sub": "bob-1", "preferred_username": "bob"}
    with pytest.raises(Unauthenticated):
        await login(provider).renewed("r", "ada-1")


async def test_a_log_out_at_the_provider_names_the_session_and_where_to_come_back() -> None:
    url = await login(Told()).log_out_url(Tokens("r", "t"), "http://127.0.0.1:5000/oidc/logout")
    assert url is not None
    assert parse_qs(urlsplit(url).query) == {
        "client_id": ["tracklog"],
        "post_logout_redirect_uri": ["http://127.0.0.1:5000/oidc/logout"],
        "id_token_hint": ["t"],
    }


def test_what_a_browser_keeps_of_a_login_is_read_again(attempt: Attempt) -> None:
    assert Attempt.read(attempt.text) == attempt
    assert attempt.is_of(attempt.state)
    assert not attempt.is_of(Attempt.new("/").state)
    assert not attempt.is_of("é")


@pytest.mark.parametrize("text", ["", ".", "short.Lw==", f"{'x' * 43}.", f"{'x' * 43}.%%", f"{'x' * 43}.Ly9ldmls"])
def test_what_is_no_login_is_none(text: str) -> None:
    assert Attempt.read(text) is None


@pytest.mark.parametrize("path", ["/", "/?a=b", "/tracklog/", "/a//b", "/a?next=//b", "/%2F%2Fevil"])
def test_a_path_of_ours(path: str) -> None:
    assert is_own_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.example.com",
        "/\\evil.example.com",
        "https://evil.example.com",
        "evil",
        "/\n",
        "/ ",
        "/a\\b",
        "/é",
        "javascript:alert(1)",
        "/\t/evil",
        "/" + "a" * 3000,
        "/a#b",
        "/<script>",
    ],
)
def test_a_path_that_may_lead_elsewhere(path: str) -> None:
    assert not is_own_path(path)
