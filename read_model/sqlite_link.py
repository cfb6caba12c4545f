"""Where the SQLite read model of a log lies: a symbolic link beside the log names the live generation.

A rebuild makes a new generation and replaces the link; readers look at the link and open the file it names.
"""

import os
from pathlib import Path


def link_of(log: Path) -> Path:
    """The link to the read model of the log at `log`."""
    return log.with_name(log.name + ".read-model")


def current(log: Path) -> Path | None:
    """The file that is the read model now, None before the first."""
    link = link_of(log)
    try:
        return link.parent / os.readlink(link)
    except FileNotFoundError:
        return None
