"""Whether the file of a read model is what was written."""

import sqlite3
import time
from pathlib import Path
from typing import Final

from schemas.sqlite_errors import is_damage, name_of

_INSTRUCTIONS_PER_LOOK: Final = 10_000
"""How often a search for damage looks at the clock: about every millisecond."""


def damage_of(path: Path, search_s: float) -> str | None:
    """What is wrong with the file at `path`, None when nothing was found in about `search_s`.

    Pages that SQLite cannot make sense of are found, as far as the search gets in a large file. Values that were
    changed and still are values are not: that would take a checksum of each row.
    Raises sqlite3.Error when the file cannot be read.
    """
    if not path.exists():
        return "it is not there"
    connection = sqlite3.connect(path)
    until_s = time.monotonic() + search_s
    connection.set_progress_handler(lambda: time.monotonic() > until_s, _INSTRUCTIONS_PER_LOOK)
    try:
        [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
        return None if found == "ok" else str(found).replace("\n", " ")
    except sqlite3.Error as error:
        if is_damage(error):
            return str(error)
        if name_of(error) == "SQLITE_INTERRUPT":
            return None
        raise
    finally:
        connection.close()
