"""The credentials at Google Cloud are found once, kept while they are valid, and fetched anew by one request alone."""

import asyncio
from collections.abc import Callable
from typing import Any

import google.auth
import pytest
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from artifact_proxy.stores.blob_store import StoreUnavailable
from artifact_proxy.stores.buckets.gcs_credentials import SCOPE, GcsCredentials


class Given:
    """Credentials as google-auth gives them."""

    def __init__(self) -> None:
        self.valid = False
        self.refreshed = 0
        self.error: Exception | None = None

    @property
    def token(self) -> str:
        return f"token-{self.refreshed}"

    def refresh(self, _request: object) -> None:
        if self.error is not None:
            raise self.error
        self.refreshed += 1
        self.valid = True


def finding(find: Callable[[], Any]) -> Callable[..., tuple[Any, str]]:
    def default(*, scopes: list[str]) -> tuple[Any, str]:
        assert scopes == [SCOPE]
        return find(), "project"

    return default


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    given = Given()
    monkeypatch.setattr(google.auth, "default", finding(lambda: given))
    return given


async def test_a_token_is_kept_while_it_is_valid(given: Given) -> None:
    credentials = GcsCredentials()
    for _ in range(3):
        assert await credentials.headers() == {"Authorization": "Bearer token-1"}
    given.valid = False
    assert await credentials.headers() == {"Authorization": "Bearer token-2"}


async def test_many_requests_at_once_fetch_one_token(given: Given) -> None:
    credentials = GcsCredentials()
    await asyncio.gather(*(credentials.headers() for _ in range(10)))
    assert given.refreshed == 1


async def test_a_token_that_is_refused_makes_the_store_unavailable_until_one_is_given(given: Given) -> None:
    credentials = GcsCredentials()
    given.error = RefreshError("revoked")  # type: ignore[no-untyped-call]
    with pytest.raises(StoreUnavailable, match=r"^Google Cloud gives no credentials \(RefreshError\)\.$"):
        await credentials.headers()
    given.error = None
    assert await credentials.headers() == {"Authorization": "Bearer token-1"}


async def test_where_no_credentials_are_to_be_had_the_store_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def find() -> None:
        raise DefaultCredentialsError("none were found")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(google.auth, "default", finding(find))
    with pytest.raises(StoreUnavailable, match=r"\(DefaultCredentialsError\)"):
        await GcsCredentials().headers()
