"""What a client's types say may be missing, and what a test says is there."""

from typing import TypeVar

Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """The value. Fails the test that asks for it where there is none."""
    assert value is not None
    return value
