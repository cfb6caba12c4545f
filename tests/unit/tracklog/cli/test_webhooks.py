"""`tracklog webhooks reseal`: a key is replaced by another, and no secret is lost."""

import asyncio
import base64
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tracklog.cli.commands import tracklog
from tracklog.embedded.files import secrets_file_of
from tracklog.secret_store.store import PostgresqlSecretStore, SqliteSecretStore
from tracklog.webhooks.secrets import GivenKeys, SealedSecrets
from tracklog.webhooks.stores import given

OLD, NEW = base64.urlsafe_b64encode(b"o" * 32).decode(), base64.urlsafe_b64encode(b"n" * 32).decode()
KEY = "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"
SECRET = "kept-secret"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that is there, as far as the command asks."""
    log = tmp_path / "tracklog.db"
    log.touch()
    return log


async def with_secrets(log: Path, key: str, secret_id: str | None = None) -> str:
    """The id of a new secret, or the secret of an id."""
    store = SqliteSecretStore(secrets_file_of(log))
    try:
        secrets = SealedSecrets(given(store), GivenKeys([key.encode()]))
        return await (secrets.keep(SECRET) if secret_id is None else secrets.open(secret_id))
    finally:
        await store.close()


def reseal(log: Path, *options: str, **environment: str) -> Result:
    arguments = ["webhooks", "reseal", "--backend-store-uri", str(log), *options]
    return CliRunner().invoke(tracklog, arguments, env={KEY: None, **environment})


def test_every_secret_is_sealed_with_the_first_key(log: Path, tmp_path: Path) -> None:
    secret_id = asyncio.run(with_secrets(log, OLD))
    done = reseal(log, **{KEY: f"{NEW},{OLD}"})
    assert (done.exit_code, done.output) == (0, "Secrets of webhooks that are sealed with the first key now: 1.\n")
    assert asyncio.run(with_secrets(log, NEW, secret_id)) == SECRET
    keys = tmp_path / "keys"
    keys.write_text(f"{OLD}\n{NEW}\n")
    assert reseal(log, "--webhook-key-file", str(keys)).exit_code == 0
    assert asyncio.run(with_secrets(log, OLD, secret_id)) == SECRET


def test_on_postgresql_every_secret_is_sealed_with_the_first_key_too(postgresql_database: str) -> None:
    async def with_secrets_there(key: str, secret_id: str | None = None) -> str:
        store = await PostgresqlSecretStore.open(postgresql_database)
        try:
            secrets = SealedSecrets(given(store), GivenKeys([key.encode()]))
            return await (secrets.keep(SECRET) if secret_id is None else secrets.open(secret_id))
        finally:
            await store.close()

    secret_id = asyncio.run(with_secrets_there(OLD))
    on = ("--backend-store-uri", postgresql_database)
    refused = CliRunner().invoke(tracklog, ["webhooks", "reseal", *on], env={KEY: None})
    assert (refused.exit_code, "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY" in refused.output) == (2, True)
    done = CliRunner().invoke(tracklog, ["webhooks", "reseal", *on], env={KEY: f"{NEW},{OLD}"})
    assert (done.exit_code, done.output) == (0, "Secrets of webhooks that are sealed with the first key now: 1.\n")
    assert asyncio.run(with_secrets_there(NEW, secret_id)) == SECRET


def test_what_no_key_opens_is_told_and_stays_as_it_is(log: Path) -> None:
    secret_id = asyncio.run(with_secrets(log, OLD))
    refused = reseal(log, **{KEY: NEW})
    assert refused.exit_code == 1
    assert "No key opens 1 more" in refused.output
    assert asyncio.run(with_secrets(log, OLD, secret_id)) == SECRET


@pytest.mark.parametrize("keys", ["kept-secret", ","])
def test_what_is_no_key_is_refused_with_one_sentence(log: Path, keys: str) -> None:
    refused = reseal(log, **{KEY: keys})
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert "kept-secret" not in refused.output


def test_where_there_is_no_log_none_is_made(tmp_path: Path) -> None:
    refused = reseal(tmp_path / "none.db", **{KEY: NEW})
    assert (refused.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "There is no log" in refused.output
