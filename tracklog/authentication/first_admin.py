"""The first account: made with the password that the operator gives, where there is no account yet."""

import asyncio
import logging
from typing import Final

from ingest.users.commands import UserCommands
from schemas.errors import ResourceAlreadyExists, Retryable
from tracklog.authentication.setup import Setup
from tracklog.settings.authentication import PASSWORD_FILE, AuthenticationSettings

logger = logging.getLogger(__name__)

RETRY_S: Final = 1.0


async def make_first_admin(users: UserCommands, settings: AuthenticationSettings, setup: Setup | None) -> None:
    """Make the first account where there is none, as soon as that is possible. Says in the log where it cannot be.

    Without a password `setup` lets the operator make it.
    """
    while True:
        try:
            if await users.has_users():
                return
            if settings.admin_password is None:
                if setup is not None and setup.offer(users):
                    return
                logger.warning("there is no user yet, and %s is not set: nobody is let in", PASSWORD_FILE)
                return
            await users.create_first_admin(settings.admin_username, settings.admin_password)
        except ResourceAlreadyExists:
            return  # another process was quicker
        except Retryable as error:
            logger.info("the first administrator cannot be made yet: %s", error)
            await asyncio.sleep(RETRY_S)
        else:
            logger.info("the first administrator is %s", settings.admin_username)
            return
