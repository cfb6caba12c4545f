"""`tracklog roles`: the roles of the users of a server."""

import click

from tracklog.cli.accounts import print_lines, role_named
from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.remote import MLFLOW_3, Remote, with_remote


@click.group("roles", short_help="List, make, change, delete and assign the roles of users.")
def command() -> None:
    """Ask a server for the roles of its users, and change them. What a role may do is said by `tracklog grants`."""


@command.command("list")
@with_remote
def list_roles(*, remote: Remote) -> None:
    """Print every role with its grants, each a line of JSON."""
    print_lines(remote.get(f"{MLFLOW_3}/roles/list")["roles"])


@command.command("create")
@click.argument("role")
@click.option("--description", default="", metavar="TEXT", help="What the role is for.")
@with_remote
def create(*, remote: Remote, role: str, description: str) -> None:
    """Make a role, which may do nothing yet."""
    fields = {"name": role, "workspace": "default", "description": description}
    remote.change("POST", f"{MLFLOW_3}/roles/create", **fields)


@command.command("update")
@click.argument("role")
@click.option("--name", metavar="NAME", help="Another name.")
@click.option("--description", metavar="TEXT", help="What the role is for.")
@with_remote
def update(*, remote: Remote, role: str, name: str | None, description: str | None) -> None:
    """Give a role another name or description."""
    given = {key: value for key, value in (("name", name), ("description", description)) if value is not None}
    if not given:
        raise BadUsage("Say what is to change: --name or --description.")
    remote.change("PATCH", f"{MLFLOW_3}/roles/update", role_id=role_named(remote, role)["id"], **given)


@command.command("delete")
@click.argument("role")
@with_remote
def delete(*, remote: Remote, role: str) -> None:
    """Delete a role: whoever held it holds it no more."""
    remote.change("DELETE", f"{MLFLOW_3}/roles/delete", role_id=role_named(remote, role)["id"])


@command.command("assign")
@click.argument("role")
@click.argument("username")
@with_remote
def assign(*, remote: Remote, role: str, username: str) -> None:
    """Let a user hold a role."""
    remote.change("POST", f"{MLFLOW_3}/roles/assign", role_id=role_named(remote, role)["id"], username=username)


@command.command("unassign")
@click.argument("role")
@click.argument("username")
@with_remote
def unassign(*, remote: Remote, role: str, username: str) -> None:
    """Take a role from a user."""
    remote.change("DELETE", f"{MLFLOW_3}/roles/unassign", role_id=role_named(remote, role)["id"], username=username)
