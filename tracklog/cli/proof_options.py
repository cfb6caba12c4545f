"""The options that say whether the log is proven, and which key signs."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from tracklog.cli.bad_usage import reporting_bad_settings
from tracklog.settings.process import artifacts_destination_of
from tracklog.settings.proof import KEY_VARIABLE, ProofSettings

Command = Callable[..., Any]


def with_proof_key_file(command: Command) -> Command:
    """Give `command` the parameter `proof_key_file`."""
    option = click.option(
        "--proof-key-file",
        envvar="TRACKLOG_PROOF_KEY_FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help=f"The key that signs checkpoints of the log, which `tracklog keys create` makes.  [default: what "
        f"{KEY_VARIABLE} holds; a server on SQLite makes a file beside its log]",
    )
    return option(command)


def with_proof(command: Command) -> Command:
    """Give `command` the parameter `proof`."""

    @click.option(
        "--proof/--no-proof",
        envvar="TRACKLOG_PROOF",
        default=True,
        show_default=True,
        help="Sign checkpoints of the log, where there is a key.",
    )
    @click.option(
        "--checkpoints-destination",
        envvar="TRACKLOG_CHECKPOINTS",
        metavar="URI",
        help="A folder or bucket in which signed checkpoints are kept, too: best one that this server cannot delete "
        "from.  [default: none]",
    )
    @with_proof_key_file
    @wraps(command)
    def with_options(
        *, proof: bool, proof_key_file: Path | None, checkpoints_destination: str | None, **given: Any
    ) -> Any:
        key_file = None if proof_key_file is None else str(proof_key_file.absolute())
        with reporting_bad_settings():
            destination = (
                None
                if checkpoints_destination is None
                else artifacts_destination_of(checkpoints_destination, "--checkpoints-destination")
            )
        return command(proof=ProofSettings(is_on=proof, key_file=key_file, destination=destination), **given)

    return with_options
