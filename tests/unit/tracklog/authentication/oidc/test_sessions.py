"""How long a session lasts, in one process and in another, and what the provider has to say in it."""

import asyncio
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from schemas.errors import PermissionDenied, Unauthenticated
from schemas.events import Identity
from schemas.principal import Principal
from tests.unit.tracklog.authentication.oidc.provider_keys import ISSUER
from tests.unit.tracklog.authentication.oidc.test_bearer import Users
from tracklog.authentication.oidc.accounts import Accounts
from tracklog.authentication.oidc.claims import Known
from tracklog.authentication.oidc.provider import GrantRefused, ProviderAway
from tracklog.authentication.oidc.sessions import (
    AWAY_S,
    FRESH_S,
    IDLE_S,
    LIFE_S,
    REFRESH_S,
    Renewed,
    Sessions,
    Tokens,
    form_token,
    good_for_s,
    key_of,
    sealed,
    unsealed,
)
from tracklog.settings.oidc import OidcSettings

ADA = Identity(ISSUER, "ada-1")
GOOD_S = 300.0


class Kept:
    """A store of secrets in memory."""

    def __init__(self) -> None:
        self.secrets: dict[str, bytes] = {}
        self.asked = 0

    async def put(self, secret_id: str, secret: bytes) -> None:
        self.secrets[secret_id] = secret

    async def replace(self, secret_id: str, before: bytes, after: bytes) -> bool:
        if self.secrets.get(secret_id) != before:
            return False
        self.secrets[secret_id] = after
        return True

    async def get(self, secret_id: str) -> bytes | None:
        self.asked += 1
        return self.secrets.get(secret_id)

    async def delete(self, secret_id: str) -> None:
        self.secrets.pop(secret_id, None)

    async def ids(self) -> set[str]:
        return set(self.secrets)


class Lab:
    """Two processes on one store, a provider, and a time that the test says."""

    def __init__(self, **settings: Any) -> None:
        self.now_s = 1_800_000_000.0
        self.store = Kept()
        self.users = Users()
        self.users.accounts["ada"] = (0, ADA)
        self.groups: tuple[str, ...] = ("mlops",)
        self.refuses: Exception | None = None
        self.renewals = 0
        self.waits: asyncio.Event | None = None
        self.settings = _with(settings)
        self.one, self.other = self._process(), self._process()

    def _process(self) -> Sessions:
        return Sessions(
            self.settings, self.store, Accounts(self.users), self._caught_up, self._renew, lambda: self.now_s
        )

    async def begin(self, refresh: str | None = "refresh") -> str:
        known = Known(ADA, "ada", self.groups, is_admin=False)
        return await self.one.begin(Renewed(known, Tokens(refresh, "identity"), GOOD_S))

    async def _caught_up(self) -> None:
        pass

    async def _renew(self, refresh_token: str, subject: str) -> Renewed:
        assert (refresh_token, subject) == ("refresh", "ada-1")
        self.renewals += 1
        if self.waits is not None:
            await self.waits.wait()
        if self.refuses is not None:
            raise self.refuses
        return Renewed(Known(ADA, "ada", self.groups, is_admin=False), Tokens("refresh", None), GOOD_S)


def _with(changed: dict[str, Any]) -> OidcSettings:
    return OidcSettings(**{"issuer": ISSUER, "client_id": "tracklog", "audience": "tracklog", **changed})


@pytest.fixture
def lab() -> Lab:
    return Lab()


async def test_who_logged_in_is_known_in_every_process(lab: Lab) -> None:
    session_id = await lab.begin()
    for process in (lab.one, lab.other):
        assert await process.principal(session_id) == Principal("ada", groups=("mlops",), user_id=7, by="session")


async def test_a_session_is_looked_up_once_a_second(lab: Lab) -> None:
    session_id = await lab.begin()
    await asyncio.gather(*(lab.one.principal(session_id) for _ in range(50)))
    assert lab.store.asked == 1
    lab.now_s += FRESH_S
    await lab.one.principal(session_id)
    assert lab.store.asked == 2


@pytest.mark.parametrize("made_up", ["", "x" * 43, "../secrets", "é" * 43, "x" * 10_000])
async def test_what_nobody_was_given_is_no_session(lab: Lab, made_up: str) -> None:
    await lab.begin()
    with pytest.raises(Unauthenticated):
        await lab.one.principal(made_up)


async def test_who_logs_out_is_known_nowhere_within_a_second(lab: Lab) -> None:
    session_id = await lab.begin()
    for process in (lab.one, lab.other):
        await process.principal(session_id)
    await lab.one.end(session_id)
    with pytest.raises(Unauthenticated):
        await lab.one.principal(session_id)
    lab.now_s += FRESH_S
    with pytest.raises(Unauthenticated):
        await lab.other.principal(session_id)


async def test_what_a_session_is_ended_by_at_the_provider_is_had_once(lab: Lab) -> None:
    session_id = await lab.begin()
    assert await lab.one.take_over(session_id) is None
    await lab.one.end(session_id)
    assert await lab.other.is_over(session_id)
    assert await lab.other.take_over(session_id) == Tokens("refresh", "identity")
    assert await lab.other.take_over(session_id) is None
    assert lab.store.secrets == {}


async def test_a_session_ends_after_a_working_day_whatever_is_done(lab: Lab) -> None:
    session_id = await lab.begin()
    for _ in range(int(LIFE_S / 3600)):
        await lab.one.principal(session_id)
        lab.now_s += 3600
    with pytest.raises(Unauthenticated):
        await lab.one.principal(session_id)
    assert lab.store.secrets == {}


async def test_a_session_that_is_not_used_ends_sooner(lab: Lab) -> None:
    session_id = await lab.begin()
    lab.now_s += IDLE_S - 1
    await lab.one.principal(session_id)
    lab.now_s += IDLE_S
    with pytest.raises(Unauthenticated):
        await lab.other.principal(session_id)


async def test_sessions_that_nobody_uses_are_forgotten_and_nothing_else(lab: Lab) -> None:
    await lab.begin()
    await lab.store.put("password", b"kept")
    lab.now_s += IDLE_S - 1
    fresh = await lab.begin()
    lab.now_s += 1
    await lab.one.sweep()
    assert set(lab.store.secrets) == {"password", key_of(fresh)}


async def test_a_group_that_is_left_counts_until_the_provider_is_asked_again(lab: Lab) -> None:
    lab = Lab(admin_group="mlops")
    session_id = await lab.begin()
    assert (await lab.one.principal(session_id)).is_admin
    lab.groups = ()
    lab.now_s += GOOD_S - 1
    assert (await lab.one.principal(session_id)).is_admin
    lab.now_s += 1
    assert await lab.one.principal(session_id) == Principal("ada", user_id=7, by="session")
    assert await lab.other.principal(session_id) == Principal("ada", user_id=7, by="session")
    assert lab.renewals == 1


@pytest.mark.parametrize("refusal", [GrantRefused(), Unauthenticated("forged")], ids=["disabled", "another's token"])
async def test_whom_the_provider_refuses_is_let_in_no_longer(lab: Lab, refusal: Exception) -> None:
    session_id = await lab.begin()
    lab.refuses = refusal
    lab.now_s += GOOD_S
    with pytest.raises(Unauthenticated):
        await lab.one.principal(session_id)
    assert lab.store.secrets == {}


async def test_who_left_the_group_that_is_let_in_is_told_so(lab: Lab) -> None:
    session_id = await lab.begin()
    lab.refuses = PermissionDenied("only the group")
    lab.now_s += GOOD_S
    with pytest.raises(PermissionDenied):
        await lab.one.principal(session_id)
    assert lab.store.secrets == {}


async def test_a_group_that_is_asked_for_since_a_start_is_asked_of_old_sessions_too(lab: Lab) -> None:
    session_id = await lab.begin()
    lab.settings = _with({"allowed_group": "tracklog-users"})
    with pytest.raises(PermissionDenied):
        await lab._process().principal(session_id)


async def test_a_session_lives_on_while_the_provider_is_away(lab: Lab) -> None:
    session_id = await lab.begin()
    lab.refuses = ProviderAway("away")
    lab.now_s += GOOD_S
    assert (await lab.one.principal(session_id)).groups == ("mlops",)
    lab.now_s += AWAY_S - 1
    await lab.one.principal(session_id)
    assert lab.renewals == 1
    lab.now_s += 2
    await lab.other.principal(session_id)
    assert lab.renewals == 2


async def test_without_a_refresh_token_a_session_ends_with_the_access_token(lab: Lab) -> None:
    session_id = await lab.begin(refresh=None)
    await lab.one.principal(session_id)
    lab.now_s += GOOD_S
    with pytest.raises(Unauthenticated):
        await lab.one.principal(session_id)


async def test_one_process_alone_asks_the_provider(lab: Lab) -> None:
    session_id = await lab.begin()
    lab.now_s += GOOD_S
    lab.waits = asyncio.Event()
    asking = asyncio.create_task(lab.one.principal(session_id))
    while not lab.renewals:
        await asyncio.sleep(0)
    assert (await lab.other.principal(session_id)).user == "ada"
    lab.waits.set()
    await asking
    assert lab.renewals == 1


async def test_who_logs_out_while_the_provider_is_asked_stays_out(lab: Lab) -> None:
    session_id = await lab.begin()
    lab.now_s += GOOD_S
    lab.waits = asyncio.Event()
    asking = asyncio.create_task(lab.one.principal(session_id))
    while not lab.renewals:
        await asyncio.sleep(0)
    await lab.other.end(session_id)
    lab.waits.set()
    with pytest.raises(Unauthenticated):
        await asking
    with pytest.raises(Unauthenticated):
        await lab.one.principal(session_id)


async def test_what_a_process_that_was_killed_had_begun_is_done_by_another(lab: Lab) -> None:
    session_id = await lab.begin()
    lab.now_s += GOOD_S
    lab.waits = asyncio.Event()
    asking = asyncio.create_task(lab.one.principal(session_id))
    while not lab.renewals:
        await asyncio.sleep(0)
    lab.waits = None
    lab.now_s += REFRESH_S
    await lab.other.principal(session_id)
    assert lab.renewals == 2
    asking.cancel()


async def test_who_is_deleted_here_is_let_in_no_longer(lab: Lab) -> None:
    session_id = await lab.begin()
    await lab.one.principal(session_id)
    del lab.users.accounts["ada"]
    lab.now_s += FRESH_S
    with pytest.raises(Unauthenticated):
        await lab.one.principal(session_id)


async def test_who_is_made_an_administrator_here_is_one(lab: Lab) -> None:
    session_id = await lab.begin()
    lab.users.accounts["ada"] = (1, ADA)
    assert (await lab.one.principal(session_id)).is_admin


async def test_the_store_holds_neither_the_id_nor_a_token(lab: Lab) -> None:
    session_id = await lab.begin()
    for key, secret in lab.store.secrets.items():
        for told in (session_id, "refresh", "identity"):
            assert told not in key.removeprefix("session-")
            assert told.encode() not in secret.replace(b"refresh_begun_s", b"")


def test_tokens_are_opened_by_the_id_of_the_session_alone() -> None:
    text = sealed("one", Tokens("refresh", None))
    assert unsealed("one", text) == Tokens("refresh", None)
    with pytest.raises(InvalidTag):
        unsealed("another", text)


def test_the_token_of_a_form_is_of_one_session() -> None:
    assert form_token("one") == form_token("one") != form_token("another")


@pytest.mark.parametrize(
    ("said", "good_s"),
    [(300, 300), (60.5, 60.5), (0, 5), (-1, 5), (10**9, 3600), ("300", 300), (None, 300), (True, 300)],
)
def test_how_long_an_answer_of_the_provider_is_taken_for_true(said: Any, good_s: float) -> None:
    assert good_for_s(said) == good_s
