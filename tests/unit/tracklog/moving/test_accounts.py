"""Users of MLflow's own database: accounts that let in by the old password, and rights that never grow."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from werkzeug.security import generate_password_hash

from event_log.memory_event_log import MemoryEventLog
from schemas.envelope import Actor, EventClock
from schemas.events import (
    AnyEvent,
    RoleAssigned,
    RoleCreated,
    RoleGranted,
    UserCreated,
    UserDeleted,
    UserGranted,
)
from tests.unit.tracklog.moving.imports import RecordsStore, events_in
from tests.unit.tracklog.moving.test_translation import EXPERIMENT, MODEL
from tracklog.moving.auth_database import auth_records
from tracklog.moving.database_store import SqliteStore
from tracklog.moving.facts import uuid_of
from tracklog.moving.importing import Import
from tracklog.moving.report import Report
from tracklog.moving.roots import Roots
from tracklog.moving.target import look_at

HASH: Final = generate_password_hash("correct horse battery", "pbkdf2:sha256:1000")
DEFAULT_HASH: Final = generate_password_hash("password1234", "pbkdf2:sha256:1000")

USERS: Final = f"""
CREATE TABLE users (id INTEGER PRIMARY KEY, username VARCHAR(255), password_hash VARCHAR(255), is_admin BOOLEAN);
INSERT INTO users VALUES (1, 'admin', '{DEFAULT_HASH}', 1), (2, 'ada', '{HASH}', 0), (3, 'a:b', '{HASH}', 0);
"""
BEFORE_ROLES: Final = (
    USERS
    + """
CREATE TABLE experiment_permissions (id INTEGER, experiment_id VARCHAR(255), user_id INTEGER, permission VARCHAR(255));
INSERT INTO experiment_permissions VALUES
    (1, '3', 2, 'EDIT'), (2, '99', 2, 'READ'), (3, '3', 3, 'READ'), (4, '3', 9, 'READ');
CREATE TABLE registered_model_permissions (id INTEGER, name VARCHAR(255), user_id INTEGER, permission VARCHAR(255));
INSERT INTO registered_model_permissions VALUES (1, 'iris', 2, 'NO_PERMISSIONS');
CREATE TABLE scorer_permissions (id INTEGER);
INSERT INTO scorer_permissions VALUES (1);
"""
)
ROLES: Final = (
    BEFORE_ROLES
    + """
CREATE TABLE roles (id INTEGER PRIMARY KEY, name VARCHAR(255), workspace VARCHAR(63), description VARCHAR(1024));
INSERT INTO roles VALUES (1, '__user_2__', 'default', NULL), (2, 'staff', 'default', 'all'), (3, 'staff', 'lab', NULL);
CREATE TABLE role_permissions (
    id INTEGER, role_id INTEGER, resource_type VARCHAR(64), resource_pattern VARCHAR(255), permission VARCHAR(255)
);
INSERT INTO role_permissions VALUES
    (1, 1, 'experiment', '3', 'MANAGE'), (2, 2, 'run', '*', 'READ'), (3, 2, 'experiment', '*', 'WISH'),
    (4, 3, 'workspace', '*', 'MANAGE'), (5, 3, 'experiment', '3', 'READ'), (6, 2, 'scorer', '3/x', 'READ');
CREATE TABLE user_role_assignments (id INTEGER, user_id INTEGER, role_id INTEGER);
INSERT INTO user_role_assignments VALUES (1, 2, 1), (2, 2, 2), (3, 3, 2), (4, 2, 3);
"""
)


def auth_database(folder: Path, script: str) -> SqliteStore:
    path = folder / "basic_auth.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return SqliteStore(path, auth_records)


async def imported(
    accounts: SqliteStore, log: MemoryEventLog, secrets: dict[str, bytes] | None = None
) -> tuple[Report, list[AnyEvent]]:
    """The report, and the events about users and roles."""

    async def keep(secret_id: str, secret: bytes) -> None:
        assert secrets is not None
        secrets[secret_id] = secret

    report = Report("source", "memory", dry_run=False)
    await Import(
        store=RecordsStore(EXPERIMENT, MODEL),
        target=await look_at(log),
        roots=Roots((), None),
        report=report,
        show=lambda *_: None,
        log=log,
        accounts=accounts,
        keep_secret=None if secrets is None else keep,
        now_ms=1,
    ).run()
    return report, [event for event in await events_in(log) if event.kind.name in ("user", "role")]


async def test_accounts_and_grants_from_before_there_were_roles(tmp_path: Path) -> None:
    log, secrets = MemoryEventLog(), dict[str, bytes]()
    report, events = await imported(auth_database(tmp_path, BEFORE_ROLES), log, secrets)
    password_id = uuid_of("user\0ada\0password")
    model_id = uuid_of(f"registered-model\0{MODEL.name}\0{MODEL.creation_time_ms}")
    assert events == [
        UserCreated(username="admin", is_admin=True),
        UserCreated(username="ada", password_id=password_id),
        UserGranted(username="ada", resource_type="experiment", resource_pattern="3", level="EDIT"),
        UserGranted(username="ada", resource_type="registered_model", resource_pattern=model_id, level="DENY"),
    ]
    assert secrets == {password_id: HASH.encode()}, "and not the password that everybody knows"
    assert HASH.encode() not in b"".join(event.payload for event in await log.read(0, 0, limit=100))
    told = [what for _, _, what in report.oddities]
    assert "'admin' has to be given a password: it has the one that every new MLflow has" in told
    assert any("there is no such experiment in the store" in what for what in told)
    users, grants = report.tally("users"), report.tally("grants")
    assert (users.source, users.imported, users.left) == (3, 2, 1)
    assert (grants.source, grants.imported, grants.left) == (6, 2, 4)


async def test_roles_and_what_they_grant_in_no_more_than_their_workspace(tmp_path: Path) -> None:
    report, events = await imported(auth_database(tmp_path, ROLES), MemoryEventLog(), {})
    staff, lab = uuid_of("role\0default\0staff"), uuid_of("role\0lab\0staff")
    assert events[2:] == [
        UserGranted(username="ada", resource_type="experiment", resource_pattern="3", level="MANAGE"),
        RoleCreated(role_key=staff, name="staff", description="all"),
        RoleGranted(role_key=staff, resource_type="run", resource_pattern="*", level="READ"),
        RoleAssigned(role_key=staff, username="ada"),
        RoleCreated(role_key=lab, name="staff (lab)"),
        RoleGranted(role_key=lab, resource_type="experiment", resource_pattern="3", level="READ"),
        RoleAssigned(role_key=lab, username="ada"),
    ]
    grants = report.tally("grants")
    assert (grants.source, grants.imported, grants.left) == (6, 3, 3)
    assert any("would be on everything here" in what for _, _, what in report.oddities)


async def test_a_repeated_import_adds_nothing_and_brings_nobody_back(tmp_path: Path) -> None:
    log, accounts = MemoryEventLog(), auth_database(tmp_path, ROLES)
    await imported(accounts, log, {})
    before = await log.end()
    secrets: dict[str, bytes] = {}
    await imported(accounts, log, secrets)
    assert (await log.end(), secrets) == (before, {}), "passwords may be others by now"
    await log.append([EventClock().stamp(UserDeleted(username="ada"), Actor("ann"), "")])
    before = await log.end()
    report, _ = await imported(accounts, log, secrets)
    assert (await log.end(), secrets) == (before, {})
    assert any("it was deleted since it was imported" in what for _, _, what in report.oddities)


async def test_an_account_that_somebody_else_made_keeps_its_rights(tmp_path: Path) -> None:
    log = MemoryEventLog()
    await log.append([EventClock().stamp(UserCreated(username="ada"), Actor("ann"), "")])
    _, events = await imported(auth_database(tmp_path, BEFORE_ROLES), log, {})
    assert [type(event) for event in events] == [UserCreated, UserCreated], "ada, and the administrator"


async def test_without_a_store_of_secrets_accounts_have_no_password(tmp_path: Path) -> None:
    report, events = await imported(auth_database(tmp_path, BEFORE_ROLES), MemoryEventLog())
    assert {event.password_id for event in events if isinstance(event, UserCreated)} == {""}
    assert any("no store of secrets was named" in what for _, _, what in report.oddities)


async def test_the_default_experiment_is_what_it_is_here(tmp_path: Path) -> None:
    """A grant on an experiment whose id is taken goes with it to its new id."""
    log = MemoryEventLog()
    taken = replace(EXPERIMENT, name="another", artifact_location="elsewhere")
    await imported(auth_database(tmp_path, USERS), log, {})
    report = Report("source", "memory", dry_run=False)
    (tmp_path / "again").mkdir()
    accounts = auth_database(tmp_path / "again", BEFORE_ROLES.replace("'ada'", "'eve'"))
    await Import(
        store=RecordsStore(taken),
        target=await look_at(log),
        roots=Roots((), None),
        report=report,
        show=lambda *_: None,
        log=log,
        accounts=accounts,
    ).run()
    [(_, _, new_id)] = [one for one in report.renamed if one[1].startswith("3 ")]
    [granted] = [event for event in await events_in(log) if isinstance(event, UserGranted)]
    assert (granted.username, granted.resource_pattern) == ("eve", new_id)


def test_another_database_is_none_of_users(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"no table of MLflow's users"):
        auth_database(tmp_path, "CREATE TABLE users (id INTEGER);").read(lambda records: [*records].clear())
