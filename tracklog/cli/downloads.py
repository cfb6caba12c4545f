"""Files of a server, fetched into a folder here: what is listed, level after level, and where it may be written."""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import click

Listed = Callable[[str], Iterator[Any]]
"""What is directly in a folder, by its path, as MLflow's FileInfo."""


def files_below(listed: Listed, path: str) -> Iterator[str]:
    """The files in a folder, at any depth; none where it is a file."""
    for one in listed(path):
        if one.get("is_dir"):
            yield from files_below(listed, one["path"])
        elif one["path"] != path:
            yield one["path"]


def file_in(folder: Path, path: str) -> Path:
    """Where a file is written whose path the server says; its folder is there then."""
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or path.startswith("/"):
        raise click.ClickException(f"{path!r} is no path below the folder that is asked for.")
    file = folder.joinpath(*parts)
    file.parent.mkdir(parents=True, exist_ok=True)
    return file
