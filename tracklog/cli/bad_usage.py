"""What was asked of a command and cannot be done, as one sentence on the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from tracklog.settings.store_uris import SettingRefused


class BadUsage(click.ClickException):
    """One sentence and exit code 2: what was asked for is not what this program does."""

    exit_code = 2


@contextmanager
def reporting_bad_settings() -> Iterator[None]:
    """Raise BadUsage for a SettingRefused."""
    try:
        yield
    except SettingRefused as refused:
        raise BadUsage(str(refused)) from refused
