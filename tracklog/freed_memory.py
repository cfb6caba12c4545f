"""Giving the system back what the process has freed: the allocator of glibc keeps it, however much that is."""

import ctypes
from collections.abc import Callable
from typing import Any


def trimming() -> Callable[[], Any] | None:
    """A function that gives freed memory back, which takes milliseconds; None where the C library has none."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None  # musl, macOS: their allocators give back by themselves
    return lambda: trim(0)
