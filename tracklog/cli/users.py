"""`tracklog users`: the accounts of a server."""

import asyncio

import click

from tracklog.cli.accounts import print_lines, with_new_password
from tracklog.cli.bad_usage import BadUsage, reporting_bad_settings
from tracklog.cli.remote import MLFLOW_2, OURS, Remote, with_remote
from tracklog.cli.store_options import with_stores
from tracklog.settings.store_uris import EmbeddedStores, Stores


@click.group("users", short_help="List, make, change and delete the users of a server.")
def command() -> None:
    """Ask a server for its users, and change them.

    All but `recover` ask the server by its address, as an administrator, or for what concerns the own account.
    """


@command.command("list")
@with_remote
def list_users(*, remote: Remote) -> None:
    """Print every user, each a line of JSON."""
    users = remote.get(f"{MLFLOW_2}/users/list")["users"]
    print_lines([{**user, "roles": [role["name"] for role in user["roles"]]} for user in users])


@command.command("create")
@click.argument("username")
@click.option("--admin", is_flag=True, help="Make the user an administrator, who may do everything.")
@with_remote
@with_new_password
def create(*, remote: Remote, username: str, password: str, admin: bool) -> None:
    """Make a user."""
    remote.change("POST", f"{MLFLOW_2}/users/create", username=username, password=password)
    if admin:
        remote.change("PATCH", f"{MLFLOW_2}/users/update-admin", username=username, is_admin=True)


@command.command("delete")
@click.argument("username")
@with_remote
def delete(*, remote: Remote, username: str) -> None:
    """Delete a user with all tokens and rights."""
    remote.change("DELETE", f"{MLFLOW_2}/users/delete", username=username)


@command.command("set-admin")
@click.argument("username")
@click.option("--no-admin", is_flag=True, help="Have the user be an administrator no more.")
@with_remote
def set_admin(*, remote: Remote, username: str, no_admin: bool) -> None:
    """Make a user an administrator, who may do everything."""
    remote.change("PATCH", f"{MLFLOW_2}/users/update-admin", username=username, is_admin=not no_admin)


@command.command("set-password")
@click.argument("username")
@with_remote
@with_new_password
def set_password(*, remote: Remote, username: str, password: str) -> None:
    """Give a user another password.

    The own one is changed by who knows it: MLFLOW_TRACKING_PASSWORD has to hold it.
    """
    own = {"current_password": remote.password} if username == remote.username else {}
    remote.change("PATCH", f"{MLFLOW_2}/users/update-password", username=username, password=password, **own)


@command.command("setup")
@click.argument("username")
@with_remote
@with_new_password
def setup(*, remote: Remote, username: str, password: str) -> None:
    """Make the first administrator, with the token that the server printed on its terminal."""
    token = click.prompt("Setup token", hide_input=True)
    remote.change("POST", f"{OURS}/setup", token=token, username=username, password=password)


@command.command("recover")
@click.argument("username")
@with_stores
@with_new_password
def recover(*, username: str, stores: Stores, password: str) -> None:
    """Give a user another password, or make the first administrator, by the stores themselves.

    For when nobody can log in. It takes the options of `tracklog server` that name its log. A server whose log is a
    file must not run meanwhile; the roles of a distributed one have to.
    """
    from event_log.port import ForeignLog, LogInUse
    from schemas.errors import TracklogError
    from tracklog.serving.services import CannotStart

    if isinstance(stores, EmbeddedStores) and not stores.event_log.path.exists():
        raise BadUsage(f"There is no log at {stores.event_log.path}.")
    try:
        with reporting_bad_settings():
            asyncio.run(_recovered(stores, username, password))
    except TracklogError as error:
        raise click.ClickException(error.message) from error
    except (ForeignLog, LogInUse, CannotStart) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{username} has the new password.", err=True)


async def _recovered(stores: Stores, username: str, password: str) -> None:
    if isinstance(stores, EmbeddedStores):
        from tracklog.embedded.recovery import recover_embedded

        await recover_embedded(stores.event_log.path, username, password)
    else:
        from tracklog.distributed.recovery import recover_shared

        await recover_shared(stores, username, password)
