"""What a service lacks to be started here, and what that means for a test."""

import os
from typing import NoReturn

import pytest


class ServiceMissing(Exception):
    """A service cannot be had on this machine; the message is one sentence that says how to get it."""


def is_ci() -> bool:
    """Whether this is continuous integration, where nothing may be left out."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def leave_out(missing: ServiceMissing) -> NoReturn:
    """Skip the test that needs what is missing, or fail it in continuous integration."""
    if is_ci():
        pytest.fail(str(missing), pytrace=False)
    pytest.skip(str(missing))
