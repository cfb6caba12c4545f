"""Giving a user another password while no server runs."""

from contextlib import AsyncExitStack
from pathlib import Path

from ingest.admission.sqlite_lookups import SqliteLookups
from ingest.service import IngestService
from read_model.sqlite_link import link_of
from schemas.envelope import SYSTEM, EventClock
from schemas.messages.users import UpdateUserPassword
from schemas.principal import Principal
from tracklog.authentication.credentials import Credentials
from tracklog.authentication.passwords import Passwords
from tracklog.embedded.files import secrets_file_of
from tracklog.embedded.system import EmbeddedSystem
from tracklog.secret_store.store import SqliteSecretStore

OPERATOR = Principal("", is_admin=True)
"""Who may write the files may do everything; the events say that Tracklog did it."""


async def set_password_of(log_path: Path, username: str, password: str) -> None:
    """Replace the password of a user of an embedded log.

    Raises LogInUse while a server runs, ForeignLog, InvalidParameterValue, ResourceDoesNotExist.
    """
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(EmbeddedSystem(log_path))
        lookups = SqliteLookups(link_of(system.log_path), system.read_model_damaged)
        stack.callback(lookups.close)
        passwords = Passwords()
        stack.callback(passwords.close)
        secrets = SqliteSecretStore(secrets_file_of(system.log_path))
        stack.push_async_callback(secrets.close)
        credentials = Credentials(secrets, passwords)
        ingest = IngestService(system.log, system.progress, lookups, "", EventClock(), credentials=credentials)
        assert ingest.users is not None
        await ingest.known.catch_up()
        await ingest.users.update_password(
            UpdateUserPassword(username=username, password=password), OPERATOR, SYSTEM, ""
        )
