"""A setting that is refused, as one sentence on the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from tracklog.settings.store_uris import SettingRefused


class Refusal(click.ClickException):
    """One sentence and exit code 2: what was asked for is not what this program does."""

    exit_code = 2


@contextmanager
def refusing() -> Iterator[None]:
    """Turn SettingRefused into a Refusal."""
    try:
        yield
    except SettingRefused as refused:
        raise Refusal(str(refused)) from refused
