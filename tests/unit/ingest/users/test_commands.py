"""Commands about users, on a log in memory: what is refused, what is appended, and that no secret is in it."""

import itertools
from typing import Any

import orjson
import pytest

from ingest.users.commands import UserCommands
from ingest.users.lookups import USER
from ingest.users.port import CredentialStore, NewToken
from schemas.envelope import Actor
from schemas.errors import (
    BadRequest,
    InvalidParameterValue,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
    TracklogError,
)
from schemas.events import Identity
from schemas.messages.users import (
    CreateAccessToken,
    CreateUser,
    DeleteUser,
    RevokeAccessToken,
    UpdateUserAdmin,
    UpdateUserPassword,
)
from schemas.principal import Principal
from tests.unit.ingest.doubles import Deployment

ROOT = Principal("root", is_admin=True)
ADA = Principal("ada")
ACTOR = Actor(user="root")
IDENTITY = Identity("https://sso.example.com", "1")
SECRET = "a long secret of mine"


class PlainCredentials(CredentialStore):
    """Keeps passwords as they are."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self._numbers = itertools.count()
        self.changes = 0

    async def keep_password(self, password: str) -> str:
        password_id = f"p{len(self.kept)}"
        self.kept[password_id] = password
        return password_id

    async def is_password(self, password_id: str, password: str) -> bool:
        return self.kept.get(password_id) == password

    async def keep_token(self) -> NewToken:
        token_id = f"t{next(self._numbers)}"
        self.kept[token_id] = SECRET
        return NewToken(token_id, f"token {SECRET}")

    async def forget(self, secret_id: str) -> None:
        self.kept.pop(secret_id, None)

    def users_changed(self) -> None:
        self.changes += 1


class Accounts:
    """A deployment with the administrator root and the user ada."""

    def __init__(self) -> None:
        self.credentials = PlainCredentials()
        self.deployment = Deployment(credentials=self.credentials)
        commands = self.deployment.ingest.users
        assert commands is not None
        self.commands: UserCommands = commands

    async def exists(self, username: str) -> bool:
        return await self.deployment.ingest.known.look_up(USER, username) is not None


@pytest.fixture
async def accounts() -> Accounts:
    accounts = Accounts()
    await accounts.commands.create_first_admin("root", "the root of all")
    await accounts.commands.create(CreateUser(username="ada", password=SECRET), ROOT, ACTOR, "q")
    return accounts


async def test_a_new_user_is_answered_and_no_administrator(accounts: Accounts) -> None:
    answer = await accounts.commands.create(CreateUser(username="bob", password=SECRET), ROOT, ACTOR, "q")
    assert orjson.loads(answer) == {"user": {"id": 2, "username": "bob", "is_admin": False}}


async def test_whom_a_provider_knows_has_an_account_without_a_password(accounts: Accounts) -> None:
    await accounts.commands.create_of_identity("bob", IDENTITY, ACTOR)
    assert await accounts.exists("bob")
    change = UpdateUserPassword(username="bob", password=SECRET, current_password="")
    with pytest.raises(InvalidParameterValue):
        await accounts.commands.update_password(change, Principal("bob"), ACTOR, "q")


async def test_an_identity_takes_nobodys_name(accounts: Accounts) -> None:
    with pytest.raises(ResourceAlreadyExists):
        await accounts.commands.create_of_identity("root", IDENTITY, ACTOR)


async def test_no_event_holds_a_password_or_a_token(accounts: Accounts) -> None:
    await accounts.commands.create_token(CreateAccessToken(name="laptop"), ADA, ACTOR, "q")
    change = UpdateUserPassword(username="ada", password=f"{SECRET} 2", current_password=SECRET)
    await accounts.commands.update_password(change, ADA, ACTOR, "q")
    for recorded in await accounts.deployment.log.read(0, 0, limit=100):
        assert SECRET.encode() not in recorded.payload


@pytest.mark.parametrize("name", ["", " ada", "a:b", "a/b", "a\n", "system", "anonymous", "x" * 256])
async def test_what_cannot_be_a_users_name_is_refused(accounts: Accounts, name: str) -> None:
    count = await accounts.deployment.count()
    with pytest.raises(InvalidParameterValue):
        await accounts.commands.create(CreateUser(username=name, password=SECRET), ROOT, ACTOR, "q")
    assert await accounts.deployment.count() == count


@pytest.mark.parametrize("password", ["", "short", "elevenchars", "Password1234", "MLFLOWMLFLOW"])
async def test_what_others_would_guess_is_refused_as_a_password(accounts: Accounts, password: str) -> None:
    create = accounts.commands.create(CreateUser(username="bob", password=password), ROOT, ACTOR, "q")
    update = accounts.commands.update_password(
        UpdateUserPassword(username="ada", password=password, current_password=SECRET), ADA, ACTOR, "q"
    )
    for command in (create, update):
        with pytest.raises(InvalidParameterValue) as refusal:
            await command
        assert not password or password not in refusal.value.message


async def test_a_name_that_is_taken_is_refused_and_nothing_is_kept(accounts: Accounts) -> None:
    kept = dict(accounts.credentials.kept)
    with pytest.raises(ResourceAlreadyExists):
        await accounts.commands.create(CreateUser(username="ada", password=f"{SECRET} 2"), ROOT, ACTOR, "q")
    assert accounts.credentials.kept == kept


async def test_who_loses_the_race_for_a_name_leaves_nothing_in_the_store(accounts: Accounts) -> None:
    kept = dict(accounts.credentials.kept)
    with pytest.raises(ResourceAlreadyExists):
        await accounts.commands.create_first_admin("ada", f"{SECRET} 2")
    assert accounts.credentials.kept == kept


async def test_the_own_password_is_changed_by_who_knows_it(accounts: Accounts) -> None:
    new = f"{SECRET} 2"
    for wrong in ("", "another long one"):
        with pytest.raises(InvalidParameterValue):
            change = UpdateUserPassword(username="ada", password=new, current_password=wrong)
            await accounts.commands.update_password(change, ADA, ACTOR, "q")
    change = UpdateUserPassword(username="ada", password=new, current_password=SECRET)
    await accounts.commands.update_password(change, ADA, ACTOR, "q")
    assert SECRET not in accounts.credentials.kept.values()
    assert new in accounts.credentials.kept.values()


async def test_an_administrator_too_has_to_know_the_own_password(accounts: Accounts) -> None:
    change = UpdateUserPassword(username="root", password=SECRET)
    with pytest.raises(InvalidParameterValue):
        await accounts.commands.update_password(change, ROOT, ACTOR, "q")


async def test_an_administrator_gives_others_a_password(accounts: Accounts) -> None:
    change = UpdateUserPassword(username="ada", password=f"{SECRET} 2")
    await accounts.commands.update_password(change, ROOT, ACTOR, "q")


async def test_a_password_is_not_changed_to_itself(accounts: Accounts) -> None:
    change = UpdateUserPassword(username="ada", password=SECRET, current_password=SECRET)
    with pytest.raises(InvalidParameterValue):
        await accounts.commands.update_password(change, ADA, ACTOR, "q")


async def test_nobody_else_changes_a_password(accounts: Accounts) -> None:
    change = UpdateUserPassword(username="root", password=SECRET, current_password="the root of all")
    with pytest.raises(PermissionDenied):
        await accounts.commands.update_password(change, ADA, ACTOR, "q")


async def test_a_user_becomes_an_administrator_and_the_last_one_stays(accounts: Accounts) -> None:
    await accounts.commands.update_admin(UpdateUserAdmin(username="ada", is_admin=True), ROOT, ACTOR, "q")
    await accounts.commands.update_admin(UpdateUserAdmin(username="root", is_admin=False), ROOT, ACTOR, "q")
    with pytest.raises(BadRequest):
        await accounts.commands.update_admin(UpdateUserAdmin(username="ada", is_admin=False), ADA, ACTOR, "q")


async def test_a_deleted_user_leaves_no_secret(accounts: Accounts) -> None:
    await accounts.commands.create_token(CreateAccessToken(name="laptop"), ADA, ACTOR, "q")
    await accounts.commands.delete(DeleteUser(username="ada"), ROOT, ACTOR, "q")
    assert list(accounts.credentials.kept.values()) == ["the root of all"]
    assert not await accounts.exists("ada")


async def test_each_change_is_told_to_who_lets_users_in(accounts: Accounts) -> None:
    changes = accounts.credentials.changes
    await accounts.commands.update_admin(UpdateUserAdmin(username="ada", is_admin=True), ROOT, ACTOR, "q")
    with pytest.raises(ResourceDoesNotExist):
        await accounts.commands.delete(DeleteUser(username="eve"), ROOT, ACTOR, "q")
    assert accounts.credentials.changes == changes + 1


async def test_nobody_deletes_the_own_account(accounts: Accounts) -> None:
    with pytest.raises(BadRequest):
        await accounts.commands.delete(DeleteUser(username="root"), ROOT, ACTOR, "q")


@pytest.mark.parametrize("is_admin", [True, False])
async def test_who_is_not_there_cannot_be_changed(accounts: Accounts, *, is_admin: bool) -> None:
    with pytest.raises(ResourceDoesNotExist):
        await accounts.commands.update_admin(UpdateUserAdmin(username="eve", is_admin=is_admin), ROOT, ACTOR, "q")
    with pytest.raises(ResourceDoesNotExist):
        await accounts.commands.delete(DeleteUser(username="eve"), ROOT, ACTOR, "q")


async def created_token(accounts: Accounts, **given: Any) -> str:
    answer = await accounts.commands.create_token(CreateAccessToken(name="laptop", **given), ADA, ACTOR, "q")
    return str(orjson.loads(answer)["token_id"])


@pytest.mark.parametrize("given", [{"scope": "write"}, {"expires_ms": 1}], ids=str)
async def test_a_token_of_an_unknown_scope_or_of_the_past_is_refused(accounts: Accounts, given: Any) -> None:
    kept = dict(accounts.credentials.kept)
    with pytest.raises(InvalidParameterValue):
        await created_token(accounts, **given)
    assert accounts.credentials.kept == kept


@pytest.mark.parametrize("asking", [ADA, ROOT], ids=lambda asking: asking.user)
async def test_a_token_is_revoked_by_its_owner_or_an_administrator(accounts: Accounts, asking: Principal) -> None:
    token_id = await created_token(accounts)
    await accounts.commands.revoke_token(RevokeAccessToken(token_id=token_id), asking, ACTOR, "q")
    assert token_id not in accounts.credentials.kept


async def test_a_user_has_only_so_many_tokens(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.users.commands.MAX_TOKENS", 2)
    first, _ = [await created_token(accounts) for _ in range(2)]
    with pytest.raises(BadRequest, match="at most 2 access tokens"):
        await created_token(accounts)
    await accounts.commands.revoke_token(RevokeAccessToken(token_id=first), ADA, ACTOR, "q")
    await created_token(accounts)


async def test_a_token_of_somebody_else_is_not_there(accounts: Accounts) -> None:
    token_id = await created_token(accounts)
    errors: list[TracklogError] = []
    for asked in (token_id, "not there"):
        with pytest.raises(ResourceDoesNotExist) as refusal:
            await accounts.commands.revoke_token(RevokeAccessToken(token_id=asked), Principal("bob"), ACTOR, "q")
        errors.append(refusal.value)
    assert errors[0].message.replace(token_id, "") == errors[1].message.replace("not there", "")
    assert token_id in accounts.credentials.kept


async def test_it_is_known_whether_there_is_any_user(accounts: Accounts) -> None:
    assert await accounts.commands.has_users()
    assert not await Accounts().commands.has_users()
