"""What a copy of a log has beside it of the files beside the log: the configuration, and the store of secrets.

Each says of which log it is, so that what does not belong together is not put together. The keys that seal secrets and
sign checkpoints are not copied: who gets a copy gets neither.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from event_log.port import ForeignLog
from schemas.durable_rename import rename_durably
from tracklog.embedded.configuration import read_configuration, write_configuration
from tracklog.embedded.files import configuration_file_of, secrets_file_of

_OF_LOG: Final = "copied_of_log"


def back_up_files(log: Path, copy: Path, identity: str) -> list[Path]:
    """Copy what lies beside a log in SQLite, and return what was copied. Servers may go on.

    Raises OSError, ValueError, ForeignLog for a configuration of another log.
    """
    copied: list[Path] = []
    configuration = read_configuration(configuration_file_of(log))
    if configuration is not None:
        if configuration.log != identity:
            raise ForeignLog(f"{configuration_file_of(log)} is of the log {configuration.log}: start the server once.")
        write_configuration(configuration_file_of(copy), configuration)
        copied.append(configuration_file_of(copy))
    if secrets_file_of(log).exists():
        _copy_secrets(secrets_file_of(log), secrets_file_of(copy), identity)
        copied.append(secrets_file_of(copy))
    return copied


def check_files(copy: Path, identity: str, log: Path | None) -> None:
    """Refuse what lies beside a copy, or where its log in SQLite is to be, and is of another log.

    A store of secrets that a server made does not say of which it is. Raises ForeignLog, ValueError.
    """
    secrets = [one for one in (secrets_file_of(copy),) if one.exists()]
    if log is not None and secrets_file_of(log).exists() and _is_copied(secrets_file_of(log)):
        secrets.append(secrets_file_of(log))
    named = {file: _log_of(file) for file in secrets}
    for place in (copy, log):
        configuration = None if place is None else read_configuration(configuration_file_of(place))
        if place is not None and configuration is not None:
            named[configuration_file_of(place)] = configuration.log
    for file, named_log in named.items():
        if named_log != identity:
            raise ForeignLog(f"{file} is of the log {named_log}, and the copy is of the log {identity}.")


def restore_files(copy: Path, log: Path, identity: str) -> list[str]:
    """Put beside a log in SQLite what lies beside its copy, unless it is there, and return what is to be said of it."""
    said: list[str] = []
    for place_of in (configuration_file_of, secrets_file_of):
        source, target = place_of(copy), place_of(log)
        if not source.exists():
            continue
        if target.exists():
            said.append(f"{target} is there, and stays as it is; {source} is what was backed up.")
        elif place_of is secrets_file_of:
            _copy_secrets(source, target, identity)
            said.append(
                f"{target} holds the secrets of accounts and webhooks; those of webhooks are opened by their key, which"
                " you put back yourself."
            )
        elif (configuration := read_configuration(source)) is not None:
            write_configuration(target, configuration)
    configuration = read_configuration(configuration_file_of(log))
    if configuration is not None:
        said.append(" ".join(("Its server was started by: tracklog server", *configuration.options)))
    return said


def _copy_secrets(source: Path, target: Path, identity: str) -> None:
    """A store of secrets as it is at one moment, in one file, which is there whole or as it was."""
    new = target.with_name(f"{target.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as there,
        closing(sqlite3.connect(new, isolation_level=None)) as here,
    ):
        there.backup(here)
        here.execute("PRAGMA journal_mode = DELETE")
        here.execute(f"CREATE TABLE IF NOT EXISTS {_OF_LOG} (log TEXT)")
        here.execute(f"DELETE FROM {_OF_LOG}")
        here.execute(f"INSERT INTO {_OF_LOG} VALUES (?)", (identity,))
    with new.open("rb") as file:
        os.fsync(file.fileno())
    rename_durably(new, target)


def _is_copied(secrets: Path) -> bool:
    """Whether a store of secrets is, or was once, a copy. Raises ValueError where it is something else."""
    try:
        with closing(sqlite3.connect(f"{secrets.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_OF_LOG,)).fetchone())
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{secrets} is no store of secrets: {error}.") from error


def _log_of(secrets: Path) -> str:
    try:
        with closing(sqlite3.connect(f"{secrets.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute(f"SELECT log FROM {_OF_LOG}").fetchone()
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{secrets} is no copy of a store of secrets: {error}.") from error
    return str(row[0]) if row else ""
