"""How often the garbage collector of a process that folds looks for cycles."""

import gc


def collect_seldom() -> None:
    """A batch is tens of thousands of objects in no cycle; looking through them again and again took a third of it."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
