"""The key is in a file of its owner alone, made once, replaced whole, and shown to nobody."""

import os
import stat
from pathlib import Path

import pytest

from event_log.proof.note import PrivateKey
from tracklog.proving.key_file import GivenKey, KeyFile, KeyRefused, OwnKey, keys_of
from tracklog.settings.proof import KEY_VARIABLE, NO_PROOF, ProofSettings

KEY = PrivateKey("tracklog", b"1" * 32)


def test_a_key_of_its_own_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "key"
    key = OwnKey(file).key()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert OwnKey(file).key() == KeyFile(file).key() == key
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(KeyRefused, match="left untouched"):
        KeyFile(file).create()


def test_a_key_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    reading, writing = OwnKey(tmp_path / "key"), KeyFile(tmp_path / "key")
    assert reading.key() != KEY
    writing.replace(KEY)
    assert reading.key() == KEY
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (KEY.text(), 0o644, "chmod 600"),
        (KEY.text()[:-3], 0o600, "holds no key"),
        ("\udcff", 0o600, "cannot be read"),
    ],
)
def test_what_is_no_key_of_its_owner_alone_is_refused(tmp_path: Path, text: str, mode: int, said: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    os.chmod(file, mode)
    with pytest.raises(KeyRefused, match=said) as refused:
        KeyFile(file).key()
    assert KEY.text()[30:50] not in str(refused.value)


def test_there_may_be_none(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="tracklog keys create"):
        KeyFile(tmp_path / "key").key()


def test_the_key_is_that_of_the_file_that_is_named_else_of_the_variable_else_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert isinstance(keys_of(ProofSettings(), tmp_path / "own"), OwnKey)
    assert keys_of(ProofSettings()) is None
    monkeypatch.setenv(KEY_VARIABLE, KEY.text())
    given = keys_of(ProofSettings(), tmp_path / "own")
    assert isinstance(given, GivenKey)
    assert given.key() == KEY
    named = keys_of(ProofSettings(key_file=str(tmp_path / "named")))
    assert isinstance(named, KeyFile)
    assert keys_of(NO_PROOF, tmp_path / "own") is None
    assert list(tmp_path.iterdir()) == []
