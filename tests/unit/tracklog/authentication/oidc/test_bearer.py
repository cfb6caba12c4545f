"""Whose account a token of a provider stands for, in the place where passwords and tokens of ours are checked."""

import base64
from typing import Any

import pytest

from query_api.dialect import Dialect
from query_api.port import ReadModel
from query_api.sqlite.dialect import SQLITE
from schemas.envelope import Actor
from schemas.errors import PermissionDenied, ResourceAlreadyExists, TemporarilyUnavailable, Unauthenticated
from schemas.events import Identity
from schemas.principal import Principal
from tests.unit.tracklog.authentication.oidc.provider_keys import ISSUER, KEYS, NOW_S, SETTINGS, claims, token
from tracklog.authentication.attempts import Attempts
from tracklog.authentication.authenticator import Authenticator
from tracklog.authentication.credentials import Credentials
from tracklog.authentication.oidc.accounts import Accounts
from tracklog.authentication.oidc.bearer import REMEMBERED_S, BearerTokens
from tracklog.authentication.oidc.provider import ProviderAway
from tracklog.authentication.oidc.signing_keys import SigningKeys
from tracklog.settings.oidc import OidcSettings

HERE = "192.0.2.1"


class Users(ReadModel):
    """Accounts as the read model has them: name to administrator, and to identity."""

    def __init__(self) -> None:
        self.revision = 1
        self.accounts: dict[str, tuple[int, Identity | None]] = {"admin": (1, None)}

    @property
    def dialect(self) -> Dialect:
        return SQLITE

    async def fetch(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        if "users_revision" in sql:
            return [(self.revision,)]
        if "subject" in sql:
            wanted = Identity(parameters[1], parameters[0])
            return [(name, is_admin, 7) for name, (is_admin, known) in self.accounts.items() if known == wanted]
        found = self.accounts.get(parameters[0])
        return [] if found is None else [(parameters[0], found[0])]

    async def create(self, username: str, identity: Identity, actor: Actor) -> None:
        assert actor == Actor(username, actor.address)
        assert actor.address
        if username in self.accounts:
            raise ResourceAlreadyExists("taken")
        self.accounts[username] = (0, identity)
        self.revision += 1

    async def fetch_first(self, sql: str, parameters: Any = ()) -> Any:
        raise NotImplementedError

    async def document(self, wanted: Any, key: Any) -> bytes | None:
        raise NotImplementedError

    async def close(self) -> None:
        pass


class NoPasswords(Credentials):
    """Where somebody's password is asked for, a token was taken for one."""

    def __init__(self) -> None:
        pass

    async def is_password(self, password_id: str, password: str) -> bool:
        assert "." not in password or password == "my.pass.word"
        return False


class Door:
    """An authenticator beside a provider, at a time that the test says."""

    def __init__(self, settings: OidcSettings = SETTINGS) -> None:
        self.now_s = float(NOW_S)
        self.users = Users()
        self.is_away = False
        self.checked = 0
        self.accounts = Accounts(self.users)
        self.accounts.create = self.users.create
        keys = SigningKeys(self._keys, lambda: self.now_s)
        self.authenticator = Authenticator(
            self.users,
            self._caught_up,
            NoPasswords(),
            Attempts(lambda: self.now_s),
            lambda: self.now_s,
            self._now_ms,
            BearerTokens(settings, keys, self.accounts, self._now_ms),
        )

    async def shows(self, text: str) -> Principal:
        return await self.authenticator.authenticate(f"Bearer {text}", HERE)

    def _now_ms(self) -> int:
        return int(self.now_s * 1000)

    async def _keys(self) -> list[dict[str, Any]]:
        if self.is_away:
            raise ProviderAway("The provider is away.")
        return KEYS

    async def _caught_up(self) -> None:
        self.checked += 1


def door(**settings: Any) -> Door:
    return Door(OidcSettings(**{"issuer": ISSUER, "client_id": "tracklog", "audience": "tracklog", **settings}))


async def test_who_comes_for_the_first_time_gets_an_account() -> None:
    one = door()
    assert await one.shows(token()) == Principal("ada", groups=("mlops", "readers"), user_id=7, by="provider")
    assert one.users.accounts["ada"] == (0, Identity(ISSUER, "ada-1"))
    assert await one.shows(token()) == Principal("ada", groups=("mlops", "readers"), user_id=7, by="provider")
    assert len(one.users.accounts) == 2


async def test_who_calls_himself_admin_is_not_the_account_of_that_name() -> None:
    one = door()
    with pytest.raises(PermissionDenied) as refusal:
        await one.shows(token(claims(preferred_username="admin")))
    assert "another user has that name" in refusal.value.message
    assert one.users.accounts == {"admin": (1, None)}


async def test_nor_where_no_account_can_be_made() -> None:
    one = door()
    one.accounts.create = None
    with pytest.raises(PermissionDenied):
        await one.shows(token(claims(preferred_username="admin")))
    assert (await one.shows(token())).user == "ada"


async def test_another_name_at_the_provider_is_the_same_account() -> None:
    one = door()
    await one.shows(token())
    assert (await one.shows(token(claims(preferred_username="admin")))).user == "ada"


async def test_another_subject_of_the_same_name_is_refused() -> None:
    one = door()
    await one.shows(token())
    with pytest.raises(PermissionDenied):
        await one.shows(token(claims(sub="ada-2")))


async def test_who_comes_twice_at_once_has_one_account() -> None:
    one = door()
    original = one.users.create

    async def made_meanwhile(username: str, identity: Identity, actor: Actor) -> None:
        await original(username, identity, actor)
        await original(username, identity, actor)

    one.accounts.create = made_meanwhile
    assert (await one.shows(token())).user == "ada"


async def test_the_group_of_administrators_is_asked_for_each_time_and_kept_nowhere() -> None:
    one = door(admin_group="mlops")
    assert (await one.shows(token())).is_admin
    assert one.users.accounts["ada"][0] == 0
    assert not (await one.shows(token(claims(groups=["readers"])))).is_admin
    assert not (await one.shows(token(claims(groups=None)))).is_admin


async def test_who_is_not_in_the_group_that_is_let_in_has_no_account() -> None:
    one = door(allowed_group="tracklog-users")
    with pytest.raises(PermissionDenied):
        await one.shows(token())
    assert "ada" not in one.users.accounts
    assert (await one.shows(token(claims(groups="tracklog-users")))).groups == ("tracklog-users",)


@pytest.mark.parametrize("name", ["", "a:b", "system", "x" * 256, None, 7, ["ada"]])
async def test_a_name_that_cannot_be_is_refused(name: Any) -> None:
    with pytest.raises(PermissionDenied):
        await door().shows(token(claims(preferred_username=name)))


async def test_an_address_that_is_not_verified_names_nobody() -> None:
    one = door(username_claim="email")
    with pytest.raises(PermissionDenied):
        await one.shows(token(claims(email="ada@example.com", email_verified=False)))
    assert (await one.shows(token(claims(email="ada@example.com", email_verified=True)))).user == "ada@example.com"


async def test_groups_that_are_no_texts_are_none() -> None:
    one = door()
    assert (await one.shows(token(claims(groups=["a", 1, None, "", ["b"], "a"])))).groups == ("a",)
    assert (await one.shows(token(claims(groups={"a": 1})))).groups == ()


async def test_a_token_is_checked_once_and_not_remembered_beyond_its_end() -> None:
    one = door()
    text = token()
    await one.shows(text)  # makes the account, and so is not remembered
    await one.shows(text)
    checked = one.checked
    for _ in range(10):
        assert one.authenticator.recall(f"Bearer {text}") is not None
    assert one.checked == checked
    one.now_s += 300
    await one.authenticator._ask()
    assert one.authenticator.recall(f"Bearer {text}") is None
    one.now_s += 31
    with pytest.raises(Unauthenticated):
        await one.shows(text)


async def test_a_token_that_is_good_for_long_is_checked_again_now_and_then() -> None:
    one = door()
    text = token(claims(exp=NOW_S + 100_000))
    await one.shows(text)
    await one.shows(text)
    one.now_s += REMEMBERED_S - 1
    await one.authenticator._ask()
    assert one.authenticator.recall(f"Bearer {text}") is not None
    one.now_s += 1
    await one.authenticator._ask()
    assert one.authenticator.recall(f"Bearer {text}") is None


async def test_a_token_may_stand_in_the_place_of_a_password() -> None:
    header = "Basic " + base64.b64encode(f"whoever:{token()}".encode()).decode()
    assert (await door().authenticator.authenticate(header, HERE)).user == "ada"


async def test_a_password_with_dots_is_a_password() -> None:
    header = "Basic " + base64.b64encode(b"ada:my.pass.word").decode()
    with pytest.raises(Unauthenticated):
        await door().authenticator.authenticate(header, HERE)


async def test_a_provider_that_is_away_is_no_wrong_token() -> None:
    one = door()
    one.is_away = True
    for _ in range(20):
        with pytest.raises(TemporarilyUnavailable, match="away"):
            await one.shows(token())
