"""The first account by a token: once, and by nobody else."""

import asyncio
import sys
from io import StringIO

import pytest

from ingest.users.commands import UserCommands
from schemas.errors import InvalidParameterValue, Unauthenticated
from schemas.messages.users import SetUp
from schemas.rest.route import Permission
from tests.unit.ingest.doubles import Deployment
from tests.unit.ingest.users.test_commands import SECRET, PlainCredentials
from tracklog.authentication.setup import Setup


@pytest.fixture
def users() -> UserCommands:
    commands = Deployment(credentials=PlainCredentials()).ingest.users
    assert commands is not None
    return commands


def wanted(token: str, username: str = "root", password: str = SECRET) -> SetUp:
    return SetUp(token=token, username=username, password=password)


async def test_the_first_administrator_is_made_by_the_token_once(users: UserCommands) -> None:
    setup = Setup()
    token = setup.begin(users)
    await setup.finish(wanted(token))
    assert await users.has_users()
    with pytest.raises(Unauthenticated):
        await setup.finish(wanted(token, "another"))


async def test_of_two_who_use_the_token_at_once_one_is_made(users: UserCommands) -> None:
    setup = Setup()
    token = setup.begin(users)
    asked = (setup.finish(wanted(token, name)) for name in ("a", "b"))
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in ended] == [type(None), Unauthenticated]


@pytest.mark.parametrize("given", ["", "x", "é" * 43])
async def test_no_other_token_is_one(users: UserCommands, given: str) -> None:
    setup = Setup()
    with pytest.raises(Unauthenticated):
        await setup.finish(wanted(given))
    setup.begin(users)
    with pytest.raises(Unauthenticated):
        await setup.finish(wanted(given))
    assert not await users.has_users()


async def test_a_bad_name_or_password_leaves_the_token(users: UserCommands) -> None:
    setup = Setup()
    token = setup.begin(users)
    for bad in (wanted(token, "a:b"), wanted(token, password="short")):
        with pytest.raises(InvalidParameterValue):
            await setup.finish(bad)
    await setup.finish(wanted(token))


async def test_the_token_ends_when_there_is_a_user(users: UserCommands) -> None:
    setup = Setup()
    token = setup.begin(users)
    await users.create_first_admin("root", SECRET)
    with pytest.raises(Unauthenticated):
        await setup.finish(wanted(token, "another"))


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_token_is_shown_on_a_terminal_alone(users: UserCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", file := StringIO())
    assert not Setup().offer(users)
    assert file.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert Setup().offer(users)
    assert "tracklog users setup NAME" in terminal.getvalue()


def test_the_route_lets_everybody_try(users: UserCommands) -> None:
    assert Setup().route().permission is Permission.PUBLIC
