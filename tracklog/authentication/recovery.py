"""Giving a user another password by who has the stores: the operator, when nobody is left who could log in."""

from typing import Final

from ingest.users.commands import UserCommands
from schemas.envelope import SYSTEM
from schemas.messages.users import UpdateUserPassword
from schemas.principal import Principal

OPERATOR: Final = Principal("", is_admin=True)
"""Who may write to the stores may do everything; the events say that Tracklog did it."""


async def recover(users: UserCommands, username: str, password: str) -> None:
    """Replace the password of a user, or make the first administrator where there is no user yet.

    Raises InvalidParameterValue, ResourceDoesNotExist, and what UserCommands raise.
    """
    if await users.has_users():
        await users.update_password(UpdateUserPassword(username=username, password=password), OPERATOR, SYSTEM, "")
    else:
        await users.create_first_admin(username, password)
