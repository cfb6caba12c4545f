"""With which options a server was started on a log, in a file beside it: what a server on a copy of it needs too."""

import os
from pathlib import Path

import msgspec

from schemas.durable_rename import rename_durably


class Configuration(msgspec.Struct, frozen=True):
    """`log` is the id of the log, `version` that of Tracklog; `options` are as one writes them, without secrets."""

    log: str
    version: str
    options: tuple[str, ...] = ()


def write_configuration(file: Path, configuration: Configuration) -> None:
    """Keep it in the place of what was kept there, whole or not at all. Raises OSError."""
    new = file.with_name(f"{file.name}.new")
    new.touch(mode=0o600)
    with new.open("wb") as written:
        written.write(msgspec.json.format(msgspec.json.encode(configuration), indent=2) + b"\n")
        written.flush()
        os.fsync(written.fileno())
    rename_durably(new, file)


def read_configuration(file: Path) -> Configuration | None:
    """What a file says, None where there is none. Raises ValueError where it is something else."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Configuration)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no configuration of a server.") from error
