"""The folder where what was downloaded or built for the services is kept, each thing made once."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """`${XDG_CACHE_HOME:-~/.cache}/tracklog/services`, made if it is not there."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "tracklog" / "services"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache; `make` fills an empty one the first time.

    It appears under its name complete or not at all, and is made once however many ask for it at the same time.
    """
    final = cache_folder() / name
    if final.is_dir():
        return final
    with _alone(final):
        if not final.is_dir():
            started = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".part", dir=final.parent))
            try:
                make(started)
                started.rename(final)
            finally:
                shutil.rmtree(started, ignore_errors=True)
    return final


@contextmanager
def _alone(final: Path) -> Iterator[None]:
    """Hold a lock between processes; it goes with the process that held it."""
    with (final.parent / f"{final.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
