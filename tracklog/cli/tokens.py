"""`tracklog tokens`: access tokens of the users of a server."""

import click

from tracklog.cli.accounts import print_lines
from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.remote import OURS, Remote, with_remote
from tracklog.cli.times import now_us

DAY_MS = 86_400_000


@click.group("tokens", short_help="Make, list and revoke access tokens.")
def command() -> None:
    """Ask a server for access tokens, by which scripts are let in as the user whose they are."""


@command.command("create")
@click.argument("name")
@click.option(
    "--scope", type=click.Choice(["all", "read"]), default="all", show_default=True, help="What the token may do."
)
@click.option("--days", type=int, metavar="NUMBER", help="How long the token lasts.  [default: until it is revoked]")
@with_remote
def create(*, remote: Remote, name: str, scope: str, days: int | None) -> None:
    """Make a token of your own, and print it, which is done once."""
    if days is not None and not 0 < days <= 100_000:
        raise BadUsage("--days is a number from 1 to 100000.")
    expires = {} if days is None else {"expires_ms": now_us() // 1000 + days * DAY_MS}
    click.echo(remote.change("POST", f"{OURS}/tokens", name=name, scope=scope, **expires)["token"])


@command.command("list")
@click.option("--user", metavar="USERNAME", help="Whose tokens.  [default: your own]")
@with_remote
def list_tokens(*, remote: Remote, user: str | None) -> None:
    """Print tokens by their ids and names, each a line of JSON."""
    print_lines(remote.get(f"{OURS}/tokens", **({} if user is None else {"username": user}))["tokens"])


@command.command("revoke")
@click.argument("token_id")
@with_remote
def revoke(*, remote: Remote, token_id: str) -> None:
    """Let nobody in by a token any more."""
    from urllib.parse import quote

    remote.change("DELETE", f"{OURS}/tokens/{quote(token_id, safe='')}")
