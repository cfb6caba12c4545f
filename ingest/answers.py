"""The answer to requests that have nothing to tell but that they succeeded."""

from typing import Final

EMPTY: Final = b"{}"
