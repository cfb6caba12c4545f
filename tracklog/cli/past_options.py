"""The options by which a server shows a moment that is past."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from tracklog.cli.bad_usage import reporting_bad_settings
from tracklog.cli.times import now_us
from tracklog.settings.past import MOMENT_HELP, PastSettings, moment_setting
from tracklog.settings.store_uris import EmbeddedStores, SettingRefused, Stores

Command = Callable[..., Any]


def with_past(command: Command) -> Command:
    """Give `command`, which has the parameter `stores`, the parameter `past`."""

    @click.option(
        "--as-of",
        metavar="MOMENT",
        help=f"Show everything as it was then, and take no changes. MOMENT is {MOMENT_HELP}.",
    )
    @click.option(
        "--as-of-folder",
        envvar="TRACKLOG_AS_OF_FOLDER",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Where the read models of such moments are kept.  [default: beside a log in SQLite, else until it stops]",
    )
    @wraps(command)
    def with_options(*, as_of: str | None, as_of_folder: Path | None, stores: Stores, **given: Any) -> Any:
        with reporting_bad_settings():
            past = None
            if as_of is not None:
                moment = moment_setting("--as-of", as_of, now_us())
                past = PastSettings(moment=moment, folder=as_of_folder or _folder_beside(stores))
            elif as_of_folder is not None and _was_given("as_of_folder"):
                raise SettingRefused("--as-of-folder is for --as-of, which was not given.")
        return command(past=past, stores=stores, **given)

    return with_options


def _folder_beside(stores: Stores) -> Path | None:
    """In which the past of a log in SQLite is kept."""
    if not isinstance(stores, EmbeddedStores):
        return None
    file = stores.event_log.path
    return file.with_name(file.name + ".as-of")


def _was_given(parameter: str) -> bool:
    """Whether an option stands on the command line, and not in the environment alone."""
    source = click.get_current_context().get_parameter_source(parameter)
    return source is click.core.ParameterSource.COMMANDLINE
