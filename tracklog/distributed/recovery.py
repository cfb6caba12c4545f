"""Recovering a user of shared stores, beside the roles that serve them."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from ingest.admission.postgresql_lookups import PostgresqlLookups
from ingest.service import IngestService
from schemas.envelope import EventClock
from tracklog.authentication.credentials import Credentials
from tracklog.authentication.passwords import Passwords
from tracklog.authentication.recovery import recover
from tracklog.distributed.availability import once_available
from tracklog.distributed.own_stores import opened_store
from tracklog.distributed.shared_system import writing_system
from tracklog.secret_store.store import PostgresqlSecretStore
from tracklog.settings.store_uris import SharedStores


async def recover_shared(stores: SharedStores, username: str, password: str) -> None:
    """As `recover`: a projector has to run, whose verdict is waited for. Raises also CannotStart and ForeignLog."""
    stopping = asyncio.Event()  # which nobody sets: an interrupt ends the process
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(writing_system(stores, stopping))
        passwords = Passwords()
        stack.callback(passwords.close)
        opened = partial(opened_store, PostgresqlSecretStore, stores.read_model.dsn)
        secrets = await once_available(opened, stopping)
        stack.push_async_callback(secrets.close)
        lookups, credentials = PostgresqlLookups(system.connections), Credentials(secrets, passwords)
        ingest = IngestService(
            system.log, system.progress, lookups, "", EventClock(), shared=True, credentials=credentials
        )
        users = ingest.users
        assert users is not None
        await once_available(users.has_users, stopping)  # the read model is not heard of at once
        await recover(users, username, password)
