"""The options that a command was given, by the command line or the environment, as one would write them again."""

from collections.abc import Iterator
from shlex import quote

import click
from click.core import ParameterSource

from tracklog.settings.store_uris import redacted


def given_options() -> tuple[str, ...]:
    """Those of the command that runs, such as `--app-name basic-auth`; without passwords in addresses."""
    return tuple(_given(click.get_current_context()))


def _given(context: click.Context) -> Iterator[str]:
    for option in context.command.params:
        name = option.name
        if not isinstance(option, click.Option) or name is None:
            continue
        if context.get_parameter_source(name) not in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT):
            continue
        value = context.params.get(name)
        if isinstance(value, bool):
            words = option.opts if value else option.secondary_opts
            yield from words[:1]
        else:
            for one in value if isinstance(value, tuple) else (value,):
                yield f"{option.opts[0]} {quote(redacted(str(one)))}"
