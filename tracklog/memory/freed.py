"""Giving the system back what the process has freed: the allocator of glibc keeps it, however much that is."""

import ctypes
from collections.abc import Callable
from typing import Any, Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 1024 * 1024
"""No request of usual clients is as large, so none pays for pages of its own."""


def give_back_large_blocks() -> bool:
    """Have the allocator give each large block back to the system when it is freed; whether it has such a setting.

    glibc does so until it has freed the first one, and then keeps what is no larger: bodies of a few large requests
    then lie scattered in a heap that never becomes smaller.
    Source: M_MMAP_THRESHOLD in mallopt(3).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False  # musl, macOS
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES))


def trimming() -> Callable[[], Any] | None:
    """A function that gives freed memory back, which takes milliseconds; None where the C library has none."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None  # musl, macOS: their allocators give back by themselves
    return lambda: trim(0)
