"""Signed notes, checkpoints and keys: what is signed verifies, and nothing that was changed does."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_log.proof.checkpoint import SignedSize
from event_log.proof.note import BadKey, BadNote, Forged, NotSigned, PrivateKey, PublicKey, verified
from event_log.proof.rotation import parse_published, published, rotation, trusted_from

KEY, OTHER = PrivateKey("tracklog", b"1" * 32), PrivateKey("tracklog", b"2" * 32)
SIZE = SignedSize("0192f0c1-2345-7000-8000-000000000000", 0, 12, bytes(range(32)))
NOTE = KEY.sign(SIZE.text())


def test_a_note_verifies_with_its_key() -> None:
    assert SignedSize.parse(verified(NOTE, KEY.public)) == SIZE


def test_a_note_of_another_key_is_not_signed() -> None:
    with pytest.raises(NotSigned, match=OTHER.public.id.hex()):
        verified(OTHER.sign(SIZE.text()), KEY.public)


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="ascii"))
def test_a_note_that_was_changed_does_not_verify(place: int, put: str) -> None:
    changed = NOTE[:place] + put + NOTE[place + 1 :]
    if changed != NOTE:
        with pytest.raises(BadNote):
            assert verified(changed, KEY.public) != SIZE.text()


def test_a_signature_of_a_trusted_key_that_is_none_is_told_from_one_of_a_stranger() -> None:
    with pytest.raises(Forged):
        verified(NOTE.replace("\n12\n", "\n13\n"), KEY.public)


@pytest.mark.parametrize("text", ["", "a\n", "a\n\n", "a\n\n— tracklog !\n", "a\n\n— tracklog AAAA\n", "a\n\nb\n"])
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        verified(text, KEY.public)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tracklog/x/0\n1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        SIZE.text().replace("/0\n", "/00\n"),
        SIZE.text().replace("\n12\n", "\n012\n"),
        SIZE.text().replace("\n12\n", "\n-1\n"),
        SIZE.text()[:-8] + "\n",
    ],
)
def test_a_note_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        SignedSize.parse(text)


def test_keys_are_read_as_they_are_written() -> None:
    assert PrivateKey.parse(KEY.text() + "\n") == KEY
    assert PublicKey.parse(str(KEY.public)) == KEY.public


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PRIVATE+KEY+tracklog",
        KEY.text()[:-4] + "AAA=",
        KEY.text().replace("tracklog", "other"),
        str(KEY.public),
    ],
)
def test_what_is_no_private_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(BadKey) as refused:
        PrivateKey.parse(text)
    assert base64.b64encode(b"\1" + KEY.seed).decode()[:20] not in str(refused.value)
    assert KEY.seed.hex() not in repr(KEY)
    assert repr(KEY.seed) not in repr(KEY)


@pytest.mark.parametrize("text", ["", "a+b", KEY.text(), str(KEY.public).replace("tracklog", "other")])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        PublicKey.parse(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b"])
def test_a_key_has_a_name_that_a_note_can_show(name: str) -> None:
    with pytest.raises(BadKey):
        PrivateKey.generate(name)


def test_trust_goes_from_key_to_key_by_what_each_signed() -> None:
    third = PrivateKey.generate("tracklog")
    notes = [rotation(OTHER, third.public), rotation(KEY, OTHER.public)]
    assert trusted_from(KEY.public, notes) == {KEY.public, OTHER.public, third.public}
    assert trusted_from(OTHER.public, notes) == {OTHER.public, third.public}


def test_a_key_that_names_itself_or_that_a_checkpoint_names_is_not_trusted() -> None:
    assert trusted_from(KEY.public, [rotation(OTHER, OTHER.public), NOTE, "no note"]) == {KEY.public}
    assert trusted_from(KEY.public, [rotation(KEY, OTHER.public).replace("tracklog key", "tracklog kee")]) == {
        KEY.public
    }


def test_what_is_published_is_read_as_it_was() -> None:
    third = PrivateKey("tracklog", b"3" * 32)
    notes = [rotation(KEY, OTHER.public), rotation(OTHER, third.public)]
    for count in range(3):
        assert parse_published(published(KEY.public, notes[:count]) + "\n") == (KEY.public, notes[:count])
