"""Rules of sealing secrets: who has the store has none of them, and a key can be replaced without losing one."""

import base64
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.errors import InvalidParameterValue
from tracklog.secret_store.store import SecretStore, SqliteSecretStore
from tracklog.settings.store_uris import SettingRefused
from tracklog.settings.webhooks import WebhookSettings
from tracklog.webhooks.secrets import LONG_S, GivenKeys, OwnKey, SealedSecrets, SecretUnreadable, keys_of, parsed_keys
from tracklog.webhooks.stores import given

OLD, NEW = base64.urlsafe_b64encode(b"o" * 32), base64.urlsafe_b64encode(b"n" * 32)
SECRET = "kept-secret \u00e9"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SecretStore]:
    store = SqliteSecretStore(tmp_path / "log.secrets")
    yield store
    await store.close()


async def test_what_is_sealed_is_opened_again_and_is_not_in_the_store(store: SecretStore, tmp_path: Path) -> None:
    secrets = SealedSecrets(given(store), GivenKeys([OLD]))
    secret_id = await secrets.keep(SECRET)
    assert await secrets.open(secret_id) == SECRET
    for file in tmp_path.iterdir():
        assert b"kept-secret" not in file.read_bytes()
    assert secret_id != await secrets.keep(SECRET)


async def test_a_secret_that_no_key_opens_is_told_apart(store: SecretStore) -> None:
    secret_id = await SealedSecrets(given(store), GivenKeys([OLD])).keep(SECRET)
    secrets = SealedSecrets(given(store), GivenKeys([NEW]))
    for others in (secrets, SealedSecrets(given(store), GivenKeys([]))):
        assert await others.unreadable() == 1
        with pytest.raises(SecretUnreadable, match="No key opens"):
            await others.open(secret_id)
    await secrets.forget(secret_id)
    assert await secrets.unreadable() == 0
    with pytest.raises(SecretUnreadable, match="is gone"):
        await secrets.open(secret_id)


async def test_a_secret_is_kept_long_after_a_day(store: SecretStore) -> None:
    now_s = 1_700_000_000
    secrets = SealedSecrets(given(store), GivenKeys([OLD]), lambda: now_s)
    await store.put("token/00", b"of others")
    before = await secrets.keep(SECRET)
    now_s += 1
    await secrets.keep(SECRET)
    assert await secrets.kept_long() == set()
    now_s += LONG_S
    assert await secrets.kept_long() == {before}


async def test_a_key_is_replaced_without_losing_a_secret(store: SecretStore) -> None:
    before = [await SealedSecrets(given(store), GivenKeys([OLD])).keep(f"{SECRET}{number}") for number in range(3)]
    both = SealedSecrets(given(store), GivenKeys([NEW, OLD]))
    assert await both.open(before[0]) == f"{SECRET}0"
    assert await both.reseal() == (3, 0)
    after = SealedSecrets(given(store), GivenKeys([NEW]))
    assert [await after.open(secret_id) for secret_id in before] == [f"{SECRET}{number}" for number in range(3)]


async def test_sealing_anew_leaves_what_it_cannot_open_and_what_is_of_others(store: SecretStore) -> None:
    await SealedSecrets(given(store), GivenKeys([OLD])).keep(SECRET)
    await store.put("of-a-password", b"hashed")
    assert await SealedSecrets(given(store), GivenKeys([NEW])).reseal() == (0, 1)
    assert await SealedSecrets(given(store), GivenKeys([NEW, OLD])).reseal() == (1, 0)
    assert await store.get("of-a-password") == b"hashed"


async def test_without_a_key_nothing_is_sealed_and_the_error_says_what_is_missing(store: SecretStore) -> None:
    with pytest.raises(InvalidParameterValue, match="MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"):
        await SealedSecrets(given(store), keys_of(WebhookSettings())).keep(SECRET)
    assert await store.ids() == set()


async def test_a_server_of_its_own_makes_a_key_when_it_first_needs_one(store: SecretStore, tmp_path: Path) -> None:
    file = tmp_path / "log.webhook-key"
    secrets = SealedSecrets(given(store), keys_of(WebhookSettings(), file))
    assert await secrets.unreadable() == 0
    assert not file.exists()
    secret_id = await secrets.keep(SECRET)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*.new")] == []
    kept = file.read_text()
    await secrets.keep(SECRET)
    assert file.read_text() == kept
    assert await SealedSecrets(given(store), OwnKey(file)).open(secret_id) == SECRET


def test_the_first_of_two_processes_that_make_a_key_at_a_time_counts(tmp_path: Path) -> None:
    file = tmp_path / "log.webhook-key"
    late = OwnKey(file)
    key = OwnKey(file).to_seal()
    late._make()
    assert late.to_seal() == key


def test_a_file_of_keys_counts_before_the_variable_and_that_before_a_key_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{NEW.decode()}\n{OLD.decode()}\n")
    own = tmp_path / "own"
    assert keys_of(WebhookSettings(key_file=file, keys=OLD.decode()), own).known() == [NEW, OLD]
    assert keys_of(WebhookSettings(keys=f"{OLD.decode()}, {NEW.decode()}"), own).known() == [OLD, NEW]
    assert keys_of(WebhookSettings(), own).known() == []


@pytest.mark.parametrize(
    "text", ["", ",", "kept-secret", OLD.decode()[:-5], f"{OLD.decode()},kept-secret", "\u00e9" * 43]
)
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(SettingRefused, match="must hold keys") as refused:
        parsed_keys(text, "the variable")
    assert "kept-secret" not in str(refused.value)


def test_a_file_of_keys_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingRefused, match="cannot be read"):
        keys_of(WebhookSettings(key_file=tmp_path / "none"))
