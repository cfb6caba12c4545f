"""pyarrow, imported only when a frame or a Parquet file is asked for: it is 100 MB that few servers need."""

from typing import Any

from schemas.errors import NotImplementedYet

MISSING = "Data frames and Parquet need a library that is not installed: pip install 'tracklog[frames]'."


def arrow() -> Any:
    """The module `pyarrow`. Raises NotImplementedYet where it is not installed."""
    try:
        import pyarrow
    except ImportError as error:
        raise NotImplementedYet(MISSING) from error
    return pyarrow


class Drained:
    """A file to write to, from which what was written is taken piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        """What was written since this was asked last."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken
