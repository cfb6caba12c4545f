"""Passwords in the store of secrets: those of another server are taken, and kept as ours from then on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from werkzeug.security import generate_password_hash

from tracklog.authentication.credentials import Credentials
from tracklog.authentication.passwords import Passwords
from tracklog.secret_store.store import SqliteSecretStore


@pytest.fixture
async def secrets(tmp_path: Path) -> AsyncIterator[SqliteSecretStore]:
    store = SqliteSecretStore(tmp_path / "secrets.db")
    yield store
    await store.close()


async def test_a_password_of_mlflow_is_hashed_anew_when_it_is_first_given(secrets: SqliteSecretStore) -> None:
    passwords = Passwords()
    credentials = Credentials(secrets, passwords)
    theirs = generate_password_hash("correct horse", "scrypt:1024:8:1").encode()
    await secrets.put("p", theirs)
    assert not await credentials.is_password("p", "wrong horse")
    assert await secrets.get("p") == theirs
    for _ in range(2):
        assert await credentials.is_password("p", "correct horse")
        assert (await secrets.get("p") or b"").startswith(b"$argon2id$")
    passwords.close()
