"""Rules of `tracklog server`: every option of `mlflow server` is honoured or refused, none ignored."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tracklog.cli import server
from tracklog.cli.commands import COMMANDS, tracklog
from tracklog.cli.unsupported_options import NAMED_BY_ENVIRONMENT, UNSUPPORTED, UNSUPPORTED_FLAGS
from tracklog.settings.process import Settings
from tracklog.settings.store_uris import EmbeddedStores, SqliteFile


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings servers were started with; none really starts."""
    settings: list[Settings] = []
    monkeypatch.setattr(server, "run", settings.append)
    return settings


def run(*arguments: str, environment: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(tracklog, ["server", *arguments], env=environment)


def test_without_options_everything_is_in_one_folder_below(here: Path, started: list[Settings]) -> None:
    assert run().exit_code == 0
    (settings,) = started
    assert (settings.listen.host, settings.listen.port) == ("127.0.0.1", 5000)
    assert settings.stores == EmbeddedStores(SqliteFile(here / "tracklog-data" / "tracklog.db"))
    assert settings.artifacts.folder == here / "tracklog-data" / "artifacts"
    assert settings.artifacts.default_root == "mlflow-artifacts:/"
    assert settings.artifacts.serve
    assert settings.web.access_log
    assert settings.web.trusted_proxies == ()
    assert not settings.artifacts_only
    assert list(here.iterdir()) == []


HONOURED: list[tuple[list[str], str, str, Any]] = [
    (["--host", "0.0.0.0"], "MLFLOW_HOST", "listen.host", "0.0.0.0"),
    (["-h", "::1"], "MLFLOW_HOST", "listen.host", "::1"),
    (["--port", "80"], "MLFLOW_PORT", "listen.port", 80),
    (["-p", "81"], "MLFLOW_PORT", "listen.port", 81),
    (
        ["--backend-store-uri", "sqlite:////d/l.db"],
        "MLFLOW_BACKEND_STORE_URI",
        "stores.event_log.path",
        Path("/d/l.db"),
    ),
    (["--event-log", "sqlite:////d/l.db"], "TRACKLOG_EVENT_LOG", "stores.event_log.path", Path("/d/l.db")),
    (["--artifacts-destination", "/d/a"], "MLFLOW_ARTIFACTS_DESTINATION", "artifacts.folder", Path("/d/a")),
    (["--artifacts-destination", "s3://b"], "MLFLOW_ARTIFACTS_DESTINATION", "artifacts.destination", "s3://b"),
    (["--default-artifact-root", "s3://b"], "MLFLOW_DEFAULT_ARTIFACT_ROOT", "artifacts.default_root", "s3://b"),
    (["--static-prefix", "/ml"], "MLFLOW_STATIC_PREFIX", "web.static_prefix", "/ml"),
    (["--allowed-hosts", "a,b"], "MLFLOW_SERVER_ALLOWED_HOSTS", "web.allowed_hosts", ("a", "b")),
    (["--cors-allowed-origins", "*"], "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "web.allowed_origins", ("*",)),
    (["--x-frame-options", "DENY"], "MLFLOW_SERVER_X_FRAME_OPTIONS", "web.frame_options", "DENY"),
    (
        ["--trusted-proxies", "10.0.0.0/8"],
        "TRACKLOG_TRUSTED_PROXIES",
        "web.trusted_proxies",
        (ip_network("10.0.0.0/8"),),
    ),
]


def setting(settings: Settings, name: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize(("option", "environment", "name", "value"), HONOURED)
def test_an_option_and_its_environment_name_mean_the_same(
    option: list[str], environment: str, name: str, value: Any, started: list[Settings]
) -> None:
    assert run(*option).exit_code == 0
    assert run(environment={environment: option[1]}).exit_code == 0
    assert [setting(settings, name) for settings in started] == [value, value]


@pytest.mark.parametrize(
    ("option", "environment", "name", "value"),
    [
        ("--no-serve-artifacts", {"MLFLOW_SERVE_ARTIFACTS": "false"}, "artifacts.serve", False),
        ("--serve-artifacts", {"MLFLOW_SERVE_ARTIFACTS": "true"}, "artifacts.serve", True),
        ("--artifacts-only", {"MLFLOW_ARTIFACTS_ONLY": "true"}, "artifacts_only", True),
        ("--no-access-log", {"TRACKLOG_ACCESS_LOG": "false"}, "web.access_log", False),
    ],
)
def test_a_flag_and_its_environment_name_mean_the_same(
    option: str, environment: dict[str, str], name: str, value: bool, started: list[Settings]
) -> None:
    assert run(option).exit_code == 0
    assert run(environment=environment).exit_code == 0
    assert [setting(settings, name) for settings in started] == [value, value]


@pytest.mark.parametrize("option", UNSUPPORTED)
def test_an_option_that_means_nothing_here_is_refused_with_one_sentence(option: str, started: list[Settings]) -> None:
    refused = run(option, "30")
    assert refused.exit_code == 2
    assert refused.output.startswith(f"Error: {option}")
    assert refused.output.count("\n") == 1
    assert refused.output.endswith(".\n")
    assert not started


@pytest.mark.parametrize("flag", UNSUPPORTED_FLAGS)
def test_a_flag_that_means_nothing_here_is_refused(flag: str, started: list[Settings]) -> None:
    refused = run(flag)
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert not started


@pytest.mark.parametrize(("option", "name"), NAMED_BY_ENVIRONMENT.items())
def test_what_the_environment_asks_for_is_refused_too(option: str, name: str, started: list[Settings]) -> None:
    refused = run(environment={name: "true"})
    assert refused.exit_code == 2
    assert option in refused.output
    assert name in refused.output
    assert not started


def test_the_number_of_workers_is_one(started: list[Settings]) -> None:
    assert run("--workers", "1").exit_code == 0
    assert run("-w", "4").exit_code == 2
    assert run(environment={"MLFLOW_WORKERS": "4"}).exit_code == 2
    assert len(started) == 1


def test_to_be_without_workspaces_is_what_there_is(started: list[Settings]) -> None:
    assert run("--disable-workspaces").exit_code == 0
    assert len(started) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--backend-store-uri", "mysql://db/mlflow"],
        ["--backend-store-uri", "sqlite:///a.db", "--event-log", "kafka://h:1/t"],
        ["--event-log", "kafka://h:1/t"],
        ["--kafka-partitions", "4"],
        ["--artifacts-destination", "runs:/bucket"],
        ["--trusted-proxies", "proxy"],
        ["--static-prefix", "ml"],
        ["--allowed-hosts", ""],
        ["--cors-allowed-origins", "x"],
        ["--x-frame-options", "x"],
        ["--host", "a b"],
        ["--artifacts-only", "--no-serve-artifacts"],
        ["--as-of", "friday"],
        ["--as-of", "9998-01-01"],
        ["--as-of", "0:1,0:2"],
        ["--as-of", "1h", "--artifacts-only"],
        [
            "--as-of",
            "1h",
            "--app-name",
            "basic-auth",
            "--oidc-issuer-url",
            "https://id.example",
            "--oidc-client-id",
            "x",
        ],
        ["--as-of-folder", "past"],
    ],
)
def test_a_bad_value_is_refused_with_one_sentence(arguments: list[str], started: list[Settings]) -> None:
    refused = run(*arguments)
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert not started


def test_a_moment_is_a_time_or_positions(here: Path, started: list[Settings]) -> None:
    beside = here / "tracklog-data" / "tracklog.db.as-of"
    assert run("--as-of", "2026-11-28T09:30Z").exit_code == 0
    assert run("--as-of", "0:12,3:1", "--as-of-folder", "past").exit_code == 0
    assert run("--as-of", "2h", "--backend-store-uri", "postgresql://h/d").exit_code == 0
    assert [one.past and one.past.folder for one in started] == [beside, Path("past"), None]
    assert [one.past and one.past.moment for one in started[:2]] == [1_795_858_200_000_000, {0: 12, 3: 1}]


def test_an_unknown_option_is_refused(started: list[Settings]) -> None:
    assert run("--nothing").exit_code == 2
    assert not started


def test_every_command_is_listed_with_what_it_does() -> None:
    text = CliRunner().invoke(tracklog, ["--help"]).output
    for name in COMMANDS:
        assert name in text
    assert "..." not in text.partition("Commands:")[2]  # each is told whole


def test_every_option_says_in_its_help_what_it_means() -> None:
    for name in COMMANDS:
        command = tracklog.get_command(click.Context(tracklog), name)
        assert command is not None
        for one in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
            assert one.help, (name, one.name)
            for parameter in one.params:
                if isinstance(parameter, click.Option) and not parameter.hidden:
                    assert parameter.help, (name, parameter.name)
    assert "--version  Show the version and exit." in CliRunner().invoke(tracklog, ["--help"]).output


def test_environment_names_stand_in_the_help() -> None:
    text = CliRunner().invoke(tracklog, ["server", "--help"], terminal_width=200).output
    for parameter in server.command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden and parameter.envvar is not None:
            assert f"[env var: {parameter.envvar}" in " ".join(text.split()), parameter.name


@pytest.mark.parametrize(
    ("words", "completion"),
    [
        ("tracklog ev", "events"),
        ("tracklog server --back", "--backend-store-uri"),
        ("tracklog events --type run.c", "run.created"),
    ],
)
def test_the_shell_completes_commands_options_and_types(words: str, completion: str) -> None:
    environment = {"_TRACKLOG_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    completed = CliRunner().invoke(tracklog, [], prog_name="tracklog", env=environment)
    assert completed.output == f"plain,{completion}\n"
