"""`tracklog users`, `tokens`, `roles` and `grants`, as an operator types them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import wait_until
from tests.integration.test_rights import name_of
from tests.integration.test_users import OPTIONS, OTHER, PASSWORD, Asking, admin, named, server
from tests.tracklog_server import TracklogServer

__all__ = ["admin", "server"]


class Terminal:
    """Runs `tracklog` as the user whose credentials are in the environment."""

    def __init__(self, url: str, **credentials: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        self._environment = {**kept, "MLFLOW_TRACKING_URI": url, **credentials}

    def run(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "tracklog", *arguments)
        return subprocess.run(
            command,
            env=self._environment,
            input=typed,
            capture_output=True,
            text=True,
            start_new_session=True,  # what is typed is read from `typed`, and not from the terminal of the tests
        )

    def done(self, *arguments: str, typed: str = "") -> str:
        """What is printed by a command that succeeds."""
        ended = self.run(*arguments, typed=typed)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def lines(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self.done(*arguments).splitlines()]


@pytest.fixture
def terminal(server: TracklogServer, admin: Asking) -> Terminal:
    return Terminal(server.url, MLFLOW_TRACKING_USERNAME="admin", MLFLOW_TRACKING_PASSWORD=PASSWORD)


def test_users_are_made_changed_and_deleted(server: TracklogServer, terminal: Terminal, tmp_path: Path) -> None:
    terminal.done("users", "create", "ines", "--password-file", "-", typed=f"{OTHER}\n")
    ines = named(server, "ines", OTHER)
    assert name_of(ines) == "ines"
    terminal.done("users", "set-admin", "ines")
    assert {user["username"]: user["is_admin"] for user in terminal.lines("users", "list")}["ines"]
    terminal.done("users", "set-admin", "ines", "--no-admin")
    assert not ines.mlflow("GET", "users/current")[1]["user"]["is_admin"]
    file = tmp_path / "password"
    file.write_text("another long one of hers\n")
    terminal.done("users", "set-password", "ines", "--password-file", str(file))
    hers = {"MLFLOW_TRACKING_USERNAME": "ines", "MLFLOW_TRACKING_PASSWORD": "another long one of hers"}
    own = Terminal(server.url, **hers)
    own.done("users", "set-password", "ines", "--password-file", "-", typed=OTHER)
    assert name_of(ines) == "ines"
    terminal.done("users", "delete", "ines")
    assert "ines" not in {user["username"] for user in terminal.lines("users", "list")}


def test_tokens_are_made_shown_once_and_revoked(server: TracklogServer, terminal: Terminal) -> None:
    token = terminal.done("tokens", "create", "script", "--scope", "read", "--days", "1").strip()
    by_token = Terminal(server.url, MLFLOW_TRACKING_TOKEN=token)
    (found,) = [one for one in by_token.lines("tokens", "list") if one["name"] == "script"]
    assert found["scope"] == "read"
    assert token not in json.dumps(found)
    terminal.done("tokens", "revoke", found["token_id"])
    refused = by_token.run("tokens", "list")
    assert refused.returncode == 1
    assert "You are not authenticated." in refused.stderr


def test_roles_and_grants_are_changed_by_their_names(server: TracklogServer, terminal: Terminal) -> None:
    terminal.done("users", "create", "jana", "--password-file", "-", typed=OTHER)
    terminal.done("roles", "create", "viewers", "--description", "May look")
    terminal.done("grants", "add", "--role", "viewers", "experiment", "*", "READ")
    terminal.done("grants", "add", "--user", "jana", "experiment", "0", "EDIT")
    terminal.done("roles", "assign", "viewers", "jana")
    held = {(one["resource_pattern"], one["permission"]) for one in terminal.lines("grants", "list", "--user", "jana")}
    assert held == {("*", "READ"), ("0", "EDIT")}
    terminal.done("roles", "update", "viewers", "--name", "lookers")
    assert [one["permission"] for one in terminal.lines("grants", "list", "--role", "lookers")] == ["READ"]
    terminal.done("grants", "remove", "--role", "lookers", "experiment", "*")
    terminal.done("grants", "remove", "--user", "jana", "experiment", "0")
    assert terminal.lines("grants", "list", "--user", "jana") == []
    terminal.done("roles", "unassign", "lookers", "jana")
    terminal.done("roles", "delete", "lookers")
    assert "lookers" not in {role["name"] for role in terminal.lines("roles", "list")}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("users", "delete", "nobody"), 1, "nobody not found"),
        (("users", "create", "x", "--password-file", "/nowhere"), 2, "cannot be read"),
        (("roles", "delete", "none"), 1, "There is no role"),
        (("roles", "update", "none"), 2, "--name or --description"),
        (("grants", "list"), 2, "--user or --role"),
        (("grants", "add", "--user", "admin", "experiment", "0", "ALL"), 1, "Invalid permission"),
        (("grants", "remove", "--user", "admin", "experiment", "77"), 1, "77"),
        (("tokens", "create", "x", "--days", "0"), 2, "--days"),
        (("users", "list", "--url", "sqlite:///x"), 2, "no address of a server"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_one_sentence(
    terminal: Terminal, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = terminal.run(*arguments)
    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False)
    assert said in ended.stderr
    assert PASSWORD not in ended.stderr


def test_a_password_is_recovered_on_the_machine_while_no_server_runs(tmp_path: Path) -> None:
    environment = {"MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}
    new = "a new long password"
    with TracklogServer(tmp_path, options=OPTIONS, environment=environment) as server:
        wait_until(lambda: named(server, "admin", PASSWORD).mlflow("GET", "users/current")[0] == 200)
        store = ("--backend-store-uri", f"sqlite:///{server.data_dir}/tracklog.db")
        terminal = Terminal(server.url)
        running = terminal.run("users", "recover", "admin", *store, "--password-file", "-", typed=new)
        assert running.returncode == 1
    terminal.done("users", "recover", "admin", *store, "--password-file", "-", typed=new)
    unknown = terminal.run("users", "recover", "nobody", *store, "--password-file", "-", typed=new)
    assert (unknown.returncode, "nobody not found" in unknown.stderr) == (1, True)
    with TracklogServer(tmp_path, port=server.port, options=OPTIONS, environment=environment) as again:
        assert named(again, "admin", new).mlflow("GET", "users/current")[0] == 200
        assert named(again, "admin", PASSWORD).mlflow("GET", "users/current")[0] == 401


def test_the_first_administrator_is_made_by_the_token_on_the_terminal(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    server = TracklogServer(tmp_path, options=OPTIONS)
    server.spawn(terminal=theirs)
    os.close(theirs)
    try:
        shown = b""
        while b"good for once:" not in shown or not shown.rpartition(b"once:")[2].strip():
            shown += os.read(ours, 65_536)
        token = shown.rpartition(b"once:")[2].split()[0].decode()
        terminal = Terminal(server.url)
        file = tmp_path / "password"
        file.write_text(OTHER)
        setup = ("users", "setup", "root", "--password-file", str(file))
        wrong = terminal.run(*setup, typed="not the token\n")
        assert (wrong.returncode, "This is not the setup token" in wrong.stderr) == (1, True)
        assert token not in terminal.done(*setup, typed=f"{token}\n")
        body = {"token": token, "username": "x", "password": OTHER}
        assert Asking(server, None).ask("POST", "/api/tracklog/v1/setup", body)[0] == 401
        root = named(server, "root", OTHER)
        assert root.mlflow("GET", "users/current")[1]["user"]["is_admin"]
        told = json.dumps(root.ask("GET", "/api/tracklog/v1/events")[1])
        assert "user.created" in told
        assert token not in told + server.log_tail(10_000)
    finally:
        server.stop()
        os.close(ours)
