"""Rules of the roles' commands: they take the options of the server, and no store that they could not share."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracklog.cli import artifacts, ingest, projector, query, webhooks
from tracklog.cli.commands import tracklog
from tracklog.settings.process import Settings, trusted_proxies_of
from tracklog.settings.store_uris import KafkaTopic, PostgresqlDatabase, SharedStores
from tracklog.settings.webhooks import WebhookSettings

ROLES = {"ingest": ingest, "projector": projector, "query": query, "artifacts": artifacts, "webhooks": webhooks}
DATABASE = "postgresql://ann:secret@db/tracklog"
TOPIC = "kafka://a:9092,b:9092/events"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that roles were started with; none really starts."""
    settings: list[Settings] = []
    for module in ROLES.values():
        monkeypatch.setattr(module, "run_until_signal", lambda _serve, given, _announce: settings.append(given))
    return settings


def run(role: str, *arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(tracklog, [role, *arguments], env=environment)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_finds_its_stores_by_options_and_by_environment_names(role: str, started: list[Settings]) -> None:
    by_option = run(role, "--backend-store-uri", DATABASE, "--event-log", TOPIC)
    by_environment = run(role, MLFLOW_BACKEND_STORE_URI=DATABASE, TRACKLOG_EVENT_LOG=TOPIC)
    assert (by_option.exit_code, by_environment.exit_code) == (0, 0), by_option.output
    database = PostgresqlDatabase(DATABASE)
    stores = SharedStores(KafkaTopic(TOPIC, keys=database), database)
    assert [settings.stores for settings in started] == [stores, stores]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--backend-store-uri", "sqlite:///a.db"],
        ["--event-log", TOPIC],
        ["--backend-store-uri", DATABASE, "--event-log", "sqlite:///a.db"],
        ["--backend-store-uri", DATABASE, "--kafka-partitions", "3"],
        ["--backend-store-uri", DATABASE, "--host", "a b"],
    ],
)
def test_what_a_role_cannot_share_is_refused_with_one_sentence(
    role: str, arguments: list[str], started: list[Settings]
) -> None:
    refused = run(role, *arguments)
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert "secret" not in refused.output
    assert not started


def test_a_store_of_one_process_is_refused_by_the_role_that_wants_it() -> None:
    assert "`tracklog query` shares its stores" in run("query").output


@pytest.mark.parametrize("role", ["ingest", "query", "artifacts"])
def test_a_role_that_clients_reach_says_what_it_lets_in(role: str, started: list[Settings]) -> None:
    options = ["--trusted-proxies", "10.0.0.0/8", "--static-prefix", "/ml", "--allowed-hosts", "*", "--no-access-log"]
    assert run(role, "--backend-store-uri", DATABASE, *options).exit_code == 0
    (settings,) = started
    assert settings.web.trusted_proxies == trusted_proxies_of("10.0.0.0/8")
    assert (settings.web.static_prefix, settings.web.allowed_hosts) == ("/ml", ("*",))
    assert not settings.web.access_log


def test_ingest_says_where_new_experiments_keep_artifacts(started: list[Settings]) -> None:
    for given in ([], ["--default-artifact-root", "s3://bucket/team/"]):
        assert run("ingest", "--backend-store-uri", DATABASE, *given).exit_code == 0
    assert [settings.artifacts.default_root for settings in started] == ["mlflow-artifacts:/", "s3://bucket/team"]


def test_artifacts_says_where_they_are_kept(started: list[Settings]) -> None:
    given = ["--artifacts-destination", "s3://bucket/a"]
    assert run("artifacts", "--backend-store-uri", DATABASE, *given).exit_code == 0
    assert started[0].artifacts.destination == "s3://bucket/a"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_says_what_it_is_for_and_what_it_takes(role: str) -> None:
    text = run(role, "--help").output
    for option in ("--backend-store-uri", "--event-log", "--kafka-config", "--host", "--port", "--access-log"):
        assert option in text
    assert "sqlite:///tracklog-data" not in text  # which it refuses


def test_a_server_on_shared_stores_is_started_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from tracklog.cli import server
    from tracklog.distributed.server import serve_shared

    served: list[Any] = []
    monkeypatch.setattr(server, "run_until_signal", lambda serve, *_: served.append(serve))
    assert run("server", "--backend-store-uri", DATABASE.replace("://", "+psycopg2://")).exit_code == 0
    assert served == [serve_shared]


@pytest.mark.parametrize("role", ["ingest", "webhooks"])
def test_a_role_that_webhooks_concern_knows_where_they_may_lead(role: str, started: list[Settings]) -> None:
    options = ["--webhook-allowed-schemes", "http,https", "--webhook-allow-private-ips", "--webhook-key-file", "/keys"]
    environment = {
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "https,http",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_REQUEST_TIMEOUT": "2.5",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": "kept-secret",
    }
    assert run(role, "--backend-store-uri", DATABASE, *options).exit_code == 0
    assert run(role, "--backend-store-uri", DATABASE, **environment).exit_code == 0
    assert run(role, "--backend-store-uri", DATABASE, MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY="").exit_code == 0
    allowed = frozenset({"http", "https"})
    assert [settings.webhooks for settings in started] == [
        WebhookSettings(schemes=allowed, private=True, key_file=Path("/keys")),
        WebhookSettings(schemes=allowed, private=True, timeout_s=2.5, keys="kept-secret"),
        WebhookSettings(),
    ]


def test_a_place_where_webhooks_cannot_lead_is_refused_at_the_start(started: list[Settings]) -> None:
    refused = run("webhooks", "--backend-store-uri", DATABASE, "--webhook-allowed-schemes", "ftp")
    assert (refused.exit_code, refused.output.count("\n"), started) == (2, 1, [])
