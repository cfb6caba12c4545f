"""Giving a file its name for good."""

import os
from pathlib import Path


def rename_durably(source: Path, target: Path) -> None:
    """Put `source` in the place of `target`, in the same folder, at once; a power cut afterwards does not undo it."""
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
