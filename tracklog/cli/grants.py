"""`tracklog grants`: what roles and single users may do on a server."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from tracklog.cli.accounts import print_lines, role_named
from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.remote import MLFLOW_3, Remote, with_remote

Command = Callable[..., Any]


def _with_holder(command: Command) -> Command:
    """Give `command` the parameters `user` and `role`, of which one is None."""

    @click.option("--user", metavar="USERNAME", help="Of one user.")
    @click.option("--role", metavar="ROLE", help="Of everybody who holds this role.")
    @wraps(command)
    def with_options(*, user: str | None, role: str | None, **given: Any) -> Any:
        if (user is None) == (role is None):
            raise BadUsage("Say whose grants: --user or --role.")
        return command(user=user, role=role, **given)

    return with_options


@click.group("grants", short_help="List, add and remove what roles and users may do.")
def command() -> None:
    """Ask a server what its roles and users may do, and change it.

    TYPE is experiment, registered_model, prompt, run, …; ID the id of an experiment, the name of a model, or * for all.
    LEVEL is READ, USE, EDIT, MANAGE, or DENY, which no other grant outweighs.
    """


@command.command("list")
@_with_holder
@with_remote
def list_grants(*, remote: Remote, user: str | None, role: str | None) -> None:
    """Print grants, each a line of JSON; of a user with those of the roles that the user holds."""
    if user is None:
        print_lines(role_named(remote, role or "")["permissions"])
    else:
        print_lines(remote.get(f"{MLFLOW_3}/users/permissions/list", username=user)["permissions"])


@command.command("add")
@_with_holder
@click.argument("resource_type", metavar="TYPE")
@click.argument("resource_id", metavar="ID")
@click.argument("level")
@with_remote
def add(
    *, remote: Remote, user: str | None, role: str | None, resource_type: str, resource_id: str, level: str
) -> None:
    """Grant what was not granted before, at whatever level."""
    fields = {"resource_type": resource_type, "permission": level}
    if role is None:
        path = f"{MLFLOW_3}/users/permissions/grant"
        remote.change("POST", path, username=user, resource_id=resource_id, **fields)
    else:
        role_id = role_named(remote, role)["id"]
        path = f"{MLFLOW_3}/roles/permissions/add"
        remote.change("POST", path, role_id=role_id, resource_pattern=resource_id, **fields)


@command.command("remove")
@_with_holder
@click.argument("resource_type", metavar="TYPE")
@click.argument("resource_id", metavar="ID")
@with_remote
def remove(*, remote: Remote, user: str | None, role: str | None, resource_type: str, resource_id: str) -> None:
    """Take a grant back."""
    if role is None:
        fields = {"username": user, "resource_type": resource_type, "resource_id": resource_id}
        remote.change("POST", f"{MLFLOW_3}/users/permissions/revoke", **fields)
        return
    for grant in role_named(remote, role)["permissions"]:
        if (grant["resource_type"], grant["resource_pattern"]) == (resource_type, resource_id):
            remote.change("DELETE", f"{MLFLOW_3}/roles/permissions/remove", role_permission_id=grant["id"])
            return
    raise click.ClickException(f"The role '{role}' has no grant on {resource_type} {resource_id}.")
