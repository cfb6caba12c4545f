"""The option that says where artifacts lie after a move."""

from typing import Final

import click

from tracklog.cli.bad_usage import BadUsage


def _pairs(_ctx: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """OLD=NEW as pairs. Raises BadUsage."""
    pairs = [one.partition("=") for one in given]
    for (old, equals, _), text in zip(pairs, given, strict=True):
        if not old or not equals:
            raise BadUsage(f"--map-root {text!r} must look like OLD=NEW.")
    return tuple((old, new) for old, _, new in pairs)


with_mapped_roots: Final = click.option(
    "--map-root",
    multiple=True,
    callback=_pairs,
    metavar="OLD=NEW",
    help="Artifacts whose location begins with OLD are where it begins with NEW; may be repeated.",
)
"""Gives a command `map_root`: pairs of how a location begins and how it is to begin."""
