"""A setting of SQLite that can only be made before its first use in a process."""

import ctypes
import sys
from typing import Final

_CONFIG_MEMSTATUS: Final = 9


def count_no_memory() -> bool:
    """Have SQLite keep no statistics of its memory, which are not used; returns whether the setting took effect.

    The count is one lock around every allocation of every thread. Four clients that search together took 4.6 ms of CPU
    a search with it and 3 ms without. Where Python has an SQLite of its own, or has used it before, nothing changes.
    Source: SQLITE_CONFIG_MEMSTATUS in https://www.sqlite.org/c3ref/c_config_covering_index_scan.html
    """
    if "sqlite3" in sys.modules or not sys.platform.startswith("linux"):
        return False
    try:
        library = ctypes.CDLL("libsqlite3.so.0")
    except OSError:
        return False
    return bool(library.sqlite3_config(_CONFIG_MEMSTATUS, 0) == 0)
