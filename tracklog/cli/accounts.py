"""What the commands about users, tokens, roles and grants have in common."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.remote import MLFLOW_3, Remote

Command = Callable[..., Any]


def print_lines(documents: list[dict[str, Any]]) -> None:
    """Each as a line of JSON, as events are printed."""
    for document in documents:
        click.echo(json.dumps(document, ensure_ascii=False))


def with_new_password(command: Command) -> Command:
    """Give `command` the parameter `password`, which is asked for when all else is clear."""

    @click.option(
        "--password-file",
        type=click.Path(dir_okay=False, allow_dash=True),
        metavar="FILE",
        help="The file with the new password, - for standard input.  [default: asked for on the terminal]",
    )
    @wraps(command)
    def with_options(*, password_file: str | None, **given: Any) -> Any:
        return command(password=_password(password_file), **given)

    return with_options


def _password(file: str | None) -> str:
    if file is None:
        asked: str = click.prompt("New password", hide_input=True, confirmation_prompt=True)
        return asked
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadUsage(f"--password-file {file} cannot be read: {error}") from error
    return text.strip("\r\n")


def role_named(remote: Remote, name: str) -> dict[str, Any]:
    """A role as the server shows it. Raises ClickException where there is none."""
    for role in remote.get(f"{MLFLOW_3}/roles/list")["roles"]:
        if role["name"] == name:
            found: dict[str, Any] = role
            return found
    raise click.ClickException(f"There is no role '{name}'.")
