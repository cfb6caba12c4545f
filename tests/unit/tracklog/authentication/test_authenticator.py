"""From the header of a request to who asks: what is let in, what is remembered, and for how long."""

import asyncio
import base64
from typing import Any

import pytest

from query_api.dialect import Dialect
from query_api.port import ReadModel
from query_api.sqlite.dialect import SQLITE
from schemas.errors import RequestLimitExceeded, TemporarilyUnavailable, Unauthenticated
from schemas.principal import Principal
from tracklog.authentication.attempts import FORGIVEN_S, MAX_FAILURES, MAX_FAILURES_OF_ADDRESS, Attempts
from tracklog.authentication.authenticator import FRESH_S, Authenticator, Claimed, parsed_header
from tracklog.authentication.credentials import Credentials
from tracklog.authentication.passwords import Passwords

SECRET = "x" * 43
TOKEN_ID = "0123456789abcdef"
TOKEN = f"tracklog_{TOKEN_ID}_{SECRET}"
HERE = "192.0.2.1"


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class Users(ReadModel):
    """Users and tokens as the read model has them. `asked` counts questions; `is_away` fails them."""

    def __init__(self) -> None:
        self.revision = 1
        self.users: dict[str, tuple[int, str, int]] = {"ada": (0, "p", 7), "root": (1, "q", 8)}
        self.tokens: dict[str, tuple[str, str, int | None, int, int]] = {TOKEN_ID: ("ada", "all", None, 0, 7)}
        self.is_away = False
        self.asked = 0

    @property
    def dialect(self) -> Dialect:
        return SQLITE

    async def fetch(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        if self.is_away:
            raise TemporarilyUnavailable("away")
        self.asked += 1
        if "users_revision" in sql:
            return [(self.revision,)]
        found: Any = (self.tokens if "access_tokens" in sql else self.users).get(parameters[0])
        return [] if found is None else [found]

    async def fetch_first(self, sql: str, parameters: Any = ()) -> Any:
        raise NotImplementedError

    async def document(self, wanted: Any, key: Any) -> bytes | None:
        raise NotImplementedError

    async def close(self) -> None:
        pass


class OneSecret(Credentials):
    """The password of everybody is "right", and the token is the one above. `checks` counts."""

    def __init__(self) -> None:
        self.checks = 0

    async def is_password(self, password_id: str, password: str) -> bool:
        self.checks += 1
        return bool(password_id) and password == "right"

    async def is_token(self, token_id: str, secret: str) -> bool:
        self.checks += 1
        return secret == SECRET


class Door:
    """An authenticator with what it stands on, at a time that the test says."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.users = Users()
        self.credentials = OneSecret()
        self.is_folded_anew = False
        self.authenticator = Authenticator(
            self.users,
            self._caught_up,
            self.credentials,
            Attempts(lambda: self.now_s),
            lambda: self.now_s,
            lambda: int(self.now_s * 1000),
        )

    async def _caught_up(self) -> None:
        if self.is_folded_anew:
            raise TemporarilyUnavailable("folded anew")

    async def knocks(self, header: str | None, address: str = HERE) -> Principal:
        return await self.authenticator.authenticate(header, address)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize(
    ("header", "claimed"),
    [
        (basic("ada", "a:b"), Claimed("ada", "a:b", None)),
        ("basic " + basic("ada", "x")[6:], Claimed("ada", "x", None)),
        (basic("Ünal", "pässword"), Claimed("Ünal", "pässword", None)),
        (basic("ada", ""), Claimed("ada", "", None)),
        (f"Bearer {TOKEN}", Claimed(f"token {TOKEN_ID}", "", (TOKEN_ID, SECRET))),
        (f"BEARER  {TOKEN} ", Claimed(f"token {TOKEN_ID}", "", (TOKEN_ID, SECRET))),
        (basic("whoever", TOKEN), Claimed(f"token {TOKEN_ID}", "", (TOKEN_ID, SECRET))),
        (basic("", TOKEN), Claimed(f"token {TOKEN_ID}", "", (TOKEN_ID, SECRET))),
        (basic("", "x"), None),
        ("Basic ada", None),
        ("Basic \u00ff", None),
        ("Basic \udcff", None),
        ("Bearer \udcff", None),
        ("Basic " + base64.b64encode(b"ada").decode(), None),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), None),
        ("Bearer ada", None),
        (f"Bearer {TOKEN}x", None),
        (f"Bearer {TOKEN}\n", Claimed(f"token {TOKEN_ID}", "", (TOKEN_ID, SECRET))),
        ("Digest username=ada", None),
        ("", None),
        (basic("x" * 256, "x"), None),
        (basic("x", "x" * 1025), None),
    ],
)
def test_a_header_is_read_as(header: str, claimed: Claimed | None) -> None:
    assert parsed_header(header) == claimed


async def test_who_knows_the_password_is_let_in(door: Door) -> None:
    assert await door.knocks(basic("ada", "right")) == Principal("ada", user_id=7, by="password")
    assert await door.knocks(basic("root", "right")) == Principal("root", is_admin=True, user_id=8, by="password")


@pytest.mark.parametrize(
    "header", [None, "", "Basic x", "Bearer x", basic("ada", "wrong"), basic("eve", "right"), f"Bearer {TOKEN[:-1]}y"]
)
async def test_others_are_not_and_all_are_told_the_same(door: Door, header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="You are not authenticated"):
        await door.knocks(header)


async def test_the_password_of_who_is_not_there_is_checked_all_the_same(door: Door) -> None:
    """Or the time of the answer would tell which accounts there are."""
    with pytest.raises(Unauthenticated):
        await door.knocks(basic("eve", "right"))
    assert door.credentials.checks == 1


async def test_a_token_stands_for_its_owner_with_its_scope(door: Door) -> None:
    assert await door.knocks(f"Bearer {TOKEN}") == Principal("ada", user_id=7, by=f"token {TOKEN_ID}")
    door.users.tokens[TOKEN_ID] = ("root", "read", None, 1, 8)
    door.users.revision += 1
    door.now_s += FRESH_S + 0.1
    assert await door.knocks(basic("ada", TOKEN)) == Principal(
        "root", is_admin=True, is_read_only=True, user_id=8, by=f"token {TOKEN_ID}"
    )


async def test_a_token_ends_to_the_millisecond(door: Door) -> None:
    door.users.tokens[TOKEN_ID] = ("ada", "all", 1_000_500, 0, 7)
    header = f"Bearer {TOKEN}"
    await door.knocks(header)
    door.now_s = 1000.499
    assert door.authenticator.recall(header) == Principal("ada", user_id=7, by=f"token {TOKEN_ID}")
    door.now_s = 1000.5
    assert door.authenticator.recall(header) is None
    with pytest.raises(Unauthenticated):
        await door.knocks(header)


async def test_what_was_checked_is_remembered(door: Door) -> None:
    header = basic("ada", "right")
    assert door.authenticator.recall(header) is None
    for _ in range(3):
        await door.knocks(header)
    assert door.authenticator.recall(header) == Principal("ada", user_id=7, by="password")
    assert door.credentials.checks == 1


async def test_a_change_of_any_user_is_seen_within_a_second(door: Door) -> None:
    header = basic("ada", "right")
    await door.knocks(header)
    del door.users.users["ada"]
    door.users.revision += 1
    assert door.authenticator.recall(header) == Principal("ada", user_id=7, by="password")
    door.now_s += 0.95
    assert door.authenticator.recall(header) is None
    with pytest.raises(Unauthenticated):
        await door.knocks(header)


async def test_a_change_in_the_own_process_is_seen_at_once(door: Door) -> None:
    header = basic("ada", "right")
    await door.knocks(header)
    del door.users.users["ada"]
    door.users.revision += 1
    door.authenticator.look_again()
    assert door.authenticator.recall(header) is None


async def test_while_users_cannot_be_asked_for_nobody_is_let_in(door: Door) -> None:
    header = basic("ada", "right")
    await door.knocks(header)
    door.users.is_away = True
    door.now_s += 1
    with pytest.raises(TemporarilyUnavailable):
        await door.knocks(header)
    door.users.is_away = False
    assert await door.knocks(header) == Principal("ada", user_id=7, by="password")
    assert door.credentials.checks == 1


async def test_while_a_read_model_is_folded_anew_nobody_new_is_let_in(door: Door) -> None:
    """Somebody may still be in it who was deleted later."""
    door.is_folded_anew = True
    for asking in (door.knocks(basic("ada", "right")), door.authenticator.principal_of("root")):
        with pytest.raises(TemporarilyUnavailable):
            await asking


async def test_what_changed_while_it_was_checked_is_not_remembered(door: Door) -> None:
    class Slow(OneSecret):
        async def is_password(self, password_id: str, password: str) -> bool:
            door.users.revision += 1
            return True

    door.authenticator._credentials = Slow()
    header = basic("ada", "right")
    await door.knocks(header)
    assert door.authenticator.recall(header) is None


async def test_too_many_wrong_passwords_have_to_wait_and_time_forgives_them(door: Door) -> None:
    for number in range(MAX_FAILURES):
        with pytest.raises(Unauthenticated):
            await door.knocks(basic("ada", f"wrong {number}"))
    with pytest.raises(RequestLimitExceeded):
        await door.knocks(basic("ada", "right"))
    assert await door.knocks(basic("ada", "right"), "192.0.2.2") == Principal("ada", user_id=7, by="password")
    assert await door.knocks(basic("root", "right")) == Principal("root", is_admin=True, user_id=8, by="password")
    door.now_s += FORGIVEN_S
    door.authenticator._remembered.clear()
    assert await door.knocks(basic("ada", "right")) == Principal("ada", user_id=7, by="password")


async def test_an_address_that_tries_many_accounts_has_to_wait(door: Door) -> None:
    for number in range(MAX_FAILURES_OF_ADDRESS):
        with pytest.raises(Unauthenticated):
            await door.knocks(basic(f"user {number}", "wrong"))
    with pytest.raises(RequestLimitExceeded):
        await door.knocks(basic("ada", "right"))


async def test_whom_a_proxy_names_has_the_rights_of_the_account_if_there_is_one(door: Door) -> None:
    assert await door.authenticator.principal_of("root") == Principal("root", is_admin=True, user_id=8)
    assert await door.authenticator.principal_of("nobody here") == Principal("nobody here")


async def test_no_header_stands_for_whom_a_proxy_names(door: Door) -> None:
    await door.authenticator.principal_of("root")
    for header in ("root", "\0root", basic("root", "")):
        assert door.authenticator.recall(header) is None


async def test_the_revision_is_asked_for_while_the_server_runs(door: Door) -> None:
    async with door.authenticator.running():
        while door.users.asked < 1:
            await asyncio.sleep(0)


@pytest.mark.slow
async def test_a_password_is_kept_as_a_hash_that_takes_time() -> None:
    passwords = Passwords()
    kept = await passwords.hashed("right")
    assert kept.startswith(b"$argon2id$")
    assert await passwords.matches(kept, "right")
    assert not await passwords.matches(kept, "wrong")
    assert not await passwords.matches(None, "nobody has this password")
    assert not await passwords.matches(b"garbage", "right")
    passwords.close()
