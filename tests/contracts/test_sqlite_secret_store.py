"""The store of secrets in a file keeps its contract, and others cannot read it."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.errors import TemporarilyUnavailable
from tests.contracts.secret_store_contract import SecretStoreContract
from tracklog.secret_store.store import SecretStore, SqliteSecretStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SecretStore]:
    store = SqliteSecretStore(tmp_path / "log.secrets")
    yield store
    await store.close()


class TestContract(SecretStoreContract):
    pass


async def test_a_secret_is_there_after_a_restart(tmp_path: Path) -> None:
    for expected in (None, b"1"):
        store = SqliteSecretStore(tmp_path / "log.secrets")
        assert await store.get("a") == expected
        await store.put("a", b"1")
        await store.close()


async def test_the_file_is_its_owners_alone(tmp_path: Path, store: SecretStore) -> None:
    await store.put("a", b"1")
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_what_was_deleted_is_not_in_the_file(tmp_path: Path, store: SecretStore) -> None:
    await store.put("a", b"a secret to be forgotten")
    await store.delete("a")
    assert b"to be forgotten" not in (tmp_path / "log.secrets").read_bytes()


async def test_a_file_that_is_none_of_ours_says_that_the_store_cannot_be_used(
    tmp_path: Path, store: SecretStore
) -> None:
    await store.put("a", b"1")
    (tmp_path / "log.secrets").write_bytes(b"garbage" * 1000)
    with pytest.raises(TemporarilyUnavailable):
        await store.get("a")
