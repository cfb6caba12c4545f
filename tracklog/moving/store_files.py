"""The small files of MLflow's file store: what a folder says of itself, texts that are files, each read by itself."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tracklog.moving.cells import Cells

META: Final = "meta.yaml"

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Meta = dict[str, Any]


class StoreFiles:
    """Reads single files below one folder. What is odd about them goes into `cells`."""

    def __init__(self, root: Path, cells: Cells) -> None:
        self._root = root
        self._cells = cells

    def where(self, path: Path) -> str:
        """How the report names a file."""
        return str(path.relative_to(self._root)).encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def meta(self, folder: Path, kind: str, name: str = META) -> Meta | None:
        """What a folder says of itself; None, and an oddity, where it does not."""
        return self.document(folder / name, kind)

    def document(self, path: Path, kind: str) -> Meta | None:
        """The map that a file of YAML holds; None, and an oddity, where it holds none."""
        try:
            meta = yaml.load(self._cells.text(path.read_bytes(), kind, self.where(path)), _Loader)
        except FileNotFoundError:
            self._cells.odd(kind, self.where(path.parent), f"there is no {path.name}")
            return None
        except (OSError, yaml.YAMLError, ValueError) as error:
            self._cells.odd(kind, self.where(path), f"cannot be read: {str(error).splitlines()[0]}")
            return None
        if not isinstance(meta, dict):
            self._cells.odd(kind, self.where(path), "is empty" if meta is None else "is not what MLflow writes")
            return None
        return meta

    def texts(self, folder: Path, kind: str) -> Iterator[tuple[str, str]]:
        """Keys and texts: a file each, in folders where the key has slashes."""
        for path, key in files_in(folder):
            where = self.where(path)
            try:
                text = path.read_bytes()
            except OSError as error:
                self._cells.odd(kind, where, f"cannot be read: {error.strerror}", 1)
                continue
            yield self._cells.text(key, kind, where), self._cells.text(text, kind, where)


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, in the order of their names; none where it is not there."""
    try:
        with os.scandir(folder) as entries:
            return sorted(folder / entry.name for entry in entries if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def files_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file below a folder, in the order of their names, with the key that its path is."""
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(where, name)
            yield path, path.relative_to(folder).as_posix()


def number_of_files(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def lines_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line.rstrip(b"\r\n")
