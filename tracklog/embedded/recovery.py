"""Recovering a user of an embedded log while no server runs."""

from contextlib import AsyncExitStack
from pathlib import Path

from ingest.admission.sqlite_lookups import SqliteLookups
from ingest.service import IngestService
from read_model.sqlite_link import link_of
from schemas.envelope import EventClock
from tracklog.authentication.credentials import Credentials
from tracklog.authentication.passwords import Passwords
from tracklog.authentication.recovery import recover
from tracklog.embedded.files import secrets_file_of
from tracklog.embedded.system import EmbeddedSystem
from tracklog.secret_store.store import SqliteSecretStore


async def recover_embedded(log_path: Path, username: str, password: str) -> None:
    """As `recover`. Raises also LogInUse while a server runs, and ForeignLog."""
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
        await recover(ingest.users, username, password)
