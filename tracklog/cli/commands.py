"""The commands, each imported when it is asked for: a server is to answer within a second of its start."""

import importlib
from importlib.metadata import version
from typing import Final

import click

COMMANDS: Final = {
    "server": "tracklog.cli.server",
    "ingest": "tracklog.cli.ingest",
    "projector": "tracklog.cli.projector",
    "query": "tracklog.cli.query",
    "artifacts": "tracklog.cli.artifacts",
    "experiments": "tracklog.cli.experiments",
    "runs": "tracklog.cli.runs",
    "models": "tracklog.cli.models",
    "webhooks": "tracklog.cli.webhooks",
    "users": "tracklog.cli.users",
    "tokens": "tracklog.cli.tokens",
    "roles": "tracklog.cli.roles",
    "grants": "tracklog.cli.grants",
    "events": "tracklog.cli.events",
    "diff": "tracklog.cli.diff",
    "undo": "tracklog.cli.undo",
    "correct": "tracklog.cli.correct",
    "rebuild": "tracklog.cli.rebuild",
    "gc": "tracklog.cli.gc",
    "certificate": "tracklog.cli.certificate",
    "backup": "tracklog.cli.backup",
    "restore": "tracklog.cli.restore",
    "import": "tracklog.cli.import_store",
    "export": "tracklog.cli.export",
    "push": "tracklog.cli.push",
    "shadow": "tracklog.cli.shadow",
    "verify": "tracklog.cli.verify",
    "keys": "tracklog.cli.keys",
    "fetch-page": "tracklog.cli.fetch_page",
    "proxy-config": "tracklog.cli.proxy_config",
}


class CommandsByName(click.Group):
    """Finds a command `a-name` as the attribute `command` of its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = importlib.import_module(module).command
        for one in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
            for parameter in one.params:
                if isinstance(parameter, click.Option):
                    parameter.show_envvar = True  # in its --help, where it has one
        return command


def show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Print the version, looked up only now, and end."""
    if wanted and not ctx.resilient_parsing:
        click.echo(f"tracklog {version('tracklog')}")
        ctx.exit()


@click.group(cls=CommandsByName, context_settings={"help_option_names": ["--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=show_version,
    help="Show the version and exit.",
)
def tracklog() -> None:
    """An MLflow-compatible tracking backend in which the message log is the truth."""
