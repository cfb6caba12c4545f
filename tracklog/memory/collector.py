"""How often the garbage collector of a process that folds or moves much looks for cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def collect_seldom() -> None:
    """A batch is tens of thousands of objects in no cycle; looking through them again and again took a third of it."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """The same while the context lasts."""
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
