"""What events of users come to: names are unique, and an administrator always stays."""

from pathlib import Path
from typing import Any

import pytest

from schemas.events import (
    AccessTokenCreated,
    AccessTokenRevoked,
    AnyEvent,
    Identity,
    UserAdminChanged,
    UserCreated,
    UserDeleted,
    UserPasswordChanged,
)
from tests.unit.projector.histories import log_of
from tests.unit.projector.read_models import Projected, projected

BATCHES = pytest.mark.parametrize("ends", [[], range(30)], ids=["in one batch", "one by one"])


def user(name: str, *, is_admin: bool = False) -> UserCreated:
    return UserCreated(username=name, password_id=f"password of {name}", is_admin=is_admin)


def token(name: str, token_id: str) -> AccessTokenCreated:
    return AccessTokenCreated(username=name, token_id=token_id, name="laptop", scope="all")


async def folded(tmp_path: Path, ends: Any, *events: AnyEvent) -> Projected:
    return await projected(tmp_path, await log_of(*events), ends)


def refused(read_model: Projected) -> list[tuple[int, str]]:
    return [(one.offset, one.error_code) for progress in read_model.published for one in progress.refusals]


def users_in(read_model: Projected) -> dict[Any, Any]:
    return {row[0]: row[1:] for row in read_model.rows("SELECT username, user_id, is_admin, password_id FROM users")}


@BATCHES
async def test_a_name_is_the_first_ones(tmp_path: Path, ends: Any) -> None:
    read_model = await folded(tmp_path, ends, user("ada"), user("ada", is_admin=True))
    assert users_in(read_model) == {"ada": (0, 0, "password of ada")}
    assert refused(read_model) == [(1, "RESOURCE_ALREADY_EXISTS")]


@BATCHES
async def test_who_comes_back_under_a_name_is_another_user(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        user("root", is_admin=True),
        user("ada"),
        token("ada", "t"),
        UserDeleted(username="ada"),
        user("ada"),
    ]
    read_model = await folded(tmp_path, ends, *events)
    assert users_in(read_model)["ada"][0] == 4
    assert read_model.rows("SELECT * FROM access_tokens") == []


def known(name: str, subject: str, issuer: str = "https://sso.example.com") -> UserCreated:
    return UserCreated(username=name, identity=Identity(issuer, subject))


@BATCHES
async def test_an_identity_is_one_users(tmp_path: Path, ends: Any) -> None:
    events = [known("ada", "1"), known("bob", "1"), known("carl", "2"), known("dora", "1", "https://other.example.com")]
    read_model = await folded(tmp_path, ends, *events)
    assert set(users_in(read_model)) == {"ada", "carl", "dora"}
    assert refused(read_model) == [(1, "RESOURCE_ALREADY_EXISTS")]


@BATCHES
async def test_the_name_of_another_is_not_had_by_an_identity(tmp_path: Path, ends: Any) -> None:
    read_model = await folded(tmp_path, ends, user("admin", is_admin=True), known("admin", "1"))
    assert read_model.rows("SELECT username, password_id, subject FROM users") == [("admin", "password of admin", None)]
    assert refused(read_model) == [(1, "RESOURCE_ALREADY_EXISTS")]


@BATCHES
async def test_who_was_deleted_may_come_back_with_the_same_identity(tmp_path: Path, ends: Any) -> None:
    read_model = await folded(tmp_path, ends, known("ada", "1"), UserDeleted(username="ada"), known("lovelace", "1"))
    assert set(users_in(read_model)) == {"lovelace"}


@BATCHES
@pytest.mark.parametrize("goes", [UserDeleted(username="a"), UserAdminChanged(username="a", is_admin=False)], ids=str)
async def test_the_last_administrator_stays(tmp_path: Path, ends: Any, goes: AnyEvent) -> None:
    read_model = await folded(tmp_path, ends, user("a", is_admin=True), user("b"), goes)
    assert users_in(read_model)["a"][1] == 1
    assert refused(read_model) == [(2, "BAD_REQUEST")]


@BATCHES
async def test_of_two_administrators_who_remove_each_other_one_stays(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        user("a", is_admin=True),
        user("b", is_admin=True),
        UserAdminChanged(username="b", is_admin=False),
        UserDeleted(username="a"),
    ]
    read_model = await folded(tmp_path, ends, *events)
    assert {name: row[1] for name, row in users_in(read_model).items()} == {"a": 1, "b": 0}
    assert refused(read_model) == [(3, "BAD_REQUEST")]


@BATCHES
async def test_a_password_is_the_last_one_set(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [user("a"), *(UserPasswordChanged(username="a", password_id=str(one)) for one in range(2))]
    assert users_in(await folded(tmp_path, ends, *events))["a"][2] == "1"


@BATCHES
async def test_a_token_is_revoked_by_its_owners_name_alone(tmp_path: Path, ends: Any) -> None:
    events: list[AnyEvent] = [
        user("a"),
        user("b"),
        token("a", "t"),
        AccessTokenRevoked(username="b", token_id="t"),
        AccessTokenRevoked(username="a", token_id="t"),
        AccessTokenRevoked(username="a", token_id="t"),
    ]
    read_model = await folded(tmp_path, ends, *events)
    assert read_model.rows("SELECT * FROM access_tokens") == []
    assert refused(read_model) == [(3, "RESOURCE_DOES_NOT_EXIST"), (5, "RESOURCE_DOES_NOT_EXIST")]


@BATCHES
async def test_the_revision_is_that_of_the_last_change_that_was_accepted(tmp_path: Path, ends: Any) -> None:
    read_model = await folded(tmp_path, ends, user("a"), user("b"), user("a"))
    assert read_model.rows("SELECT number, revision FROM users_revision") == [(0, 1)]
