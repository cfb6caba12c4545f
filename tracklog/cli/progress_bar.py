"""How far a command is with the events of a log, on a terminal."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import click

Show = Callable[[int, int], None]
"""Called with the number of events that are done, and of all."""


def progress_bar(*, shown: bool, label: str = "events") -> tuple[AbstractContextManager[Any], Show]:
    """A bar on standard error, to be entered, and what moves it. Without a terminal nothing is shown."""
    # Where there is no terminal, click would show the label alone.
    hidden = not (shown and sys.stderr.isatty())
    bar = click.progressbar(length=1, label=label, show_pos=True, hidden=hidden, file=sys.stderr)

    def show(reached: int, end: int) -> None:
        bar.length = max(end, 1)
        bar.update(reached - bar.pos)

    return bar, show
