"""Which events are wanted of those that the index found."""

import pytest

from query_api.history.wanted import FieldWanted
from schemas.envelope import Actor, RecordedEvent


def event(payload: bytes) -> RecordedEvent:
    return RecordedEvent(0, 0, bytes(16), "run.data-logged", 1, "run/r", 5, Actor(), "q", payload)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("0.1", b"0.1"),
        ("a b", b"a\\u0020b"),
        ("/x", b"\\/x"),
        ('say "x"', b'say \\"x\\"'),
        ("back\\slash", b"back\\\\slash"),
        ("\u00e9", "\u00e9".encode()),
        ("\u00e9", b"\\u00e9"),
        ("", b""),
    ],
)
@pytest.mark.parametrize("kind", ["params", "tags"])
def test_a_value_is_found_however_it_is_written(kind: str, value: str, written: bytes) -> None:
    one = event(b'{"run_id":"r","%s":[{"key":"k","value":"%s"}]}' % (kind.encode(), written))
    assert FieldWanted.parse(f"{kind}.k", value).matches(one)
    assert FieldWanted.parse("k", value).matches(one)
    assert not FieldWanted.parse(f"{kind}.k", f"{value}!").matches(one)
    assert not FieldWanted.parse(f"{kind}.other", value).matches(one)
