"""The small files of MLflow's file store: what a folder says of itself, texts that are files, each read by itself."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tracklog.moving.cells import Cells

META: Final = "meta.yaml"

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

OF_LINES: Final = ("metric points", "points of logged models")
"""Kinds of which a file holds any number; of all others it is one."""

_NO_YAML: Final = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What PyYAML raises: of itself the first, and the others where a tag, such as `!!timestamp`, stands before other text,
and where a text is nested too deep."""

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
        except OSError as error:
            self._cells.odd(kind, self.where(path), f"cannot be read: {error.strerror}")
            return None
        except _NO_YAML as error:
            self._cells.odd(kind, self.where(path), f"cannot be read: {type(error).__name__}: {error}".split("\n")[0])
            return None
        if not isinstance(meta, dict):
            self._cells.odd(kind, self.where(path), "is empty" if meta is None else "is not what MLflow writes")
            return None
        return meta

    def texts(self, folder: Path, kind: str) -> Iterator[tuple[str, str]]:
        """Keys and texts: a file each, in folders where the key has slashes."""
        for path, key in self.files(folder, kind):
            where = self.where(path)
            try:
                text = path.read_bytes()
            except OSError as error:
                self._cells.odd(kind, where, f"cannot be read: {error.strerror}", 1)
                continue
            yield self._cells.text(key, kind, where), self._cells.text(text, kind, where)

    def files(self, folder: Path, kind: str) -> Iterator[tuple[Path, str]]:
        """Every file below a folder, those of each folder in the order of their names, with the key that its path is.

        Folders that cannot be listed, and what is neither a file nor a folder, are told of.
        """
        return self._files(folder, kind, "")

    def _files(self, folder: Path, kind: str, prefix: str) -> Iterator[tuple[Path, str]]:
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=_name)
        except FileNotFoundError:
            return
        except OSError as error:
            self._cells.odd(kind, self.where(folder), f"cannot be read: {error.strerror}")
            return
        inner = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner.append(entry)
            elif _is_file(entry):
                yield Path(entry.path), prefix + entry.name
            else:
                what = "left: neither a file nor a folder, or a link"
                is_counted = kind not in OF_LINES and not Path(entry.path).is_dir()
                self._cells.odd(kind, self.where(Path(entry.path)), what, int(is_counted))
        for entry in inner:
            yield from self._files(Path(entry.path), kind, f"{prefix}{entry.name}/")

    def folders(self, folder: Path, kind: str) -> list[Path]:
        """As `folders_in`; one that cannot be listed is told of."""
        try:
            os.scandir(folder).close()
        except FileNotFoundError:
            return []
        except OSError as error:
            self._cells.odd(kind, self.where(folder), f"cannot be read: {error.strerror}")
            return []
        return folders_in(folder)

    def lines(self, path: Path, kind: str) -> Iterator[bytes]:
        """The lines of a file, without their ends, as far as it can be read."""
        try:
            with path.open("rb") as file:
                for line in file:
                    yield line.rstrip(b"\r\n")
        except OSError as error:
            self._cells.odd(kind, self.where(path), f"cannot be read: {error.strerror}")


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, in the order of their names; none where it cannot be listed, as where it is not there.

    For looking on ahead: `StoreFiles.folders` tells of what cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(folder / entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []


def number_of_files(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Also of a link to one. A pipe is none: to open it would wait for a writer."""
    try:
        return entry.is_file()
    except OSError:
        return False  # a link to itself
