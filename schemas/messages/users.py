"""The requests about accounts and access tokens, and what is said of both in several services.

Source of the rules: MLflow's basic-auth application, as observed on a 3.17 server; docs/differences.md names those that
are stricter here.
"""

from typing import Annotated, ClassVar, Final

import msgspec

from schemas.envelope import RESERVED_USERS
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.bounds import Name, Word
from schemas.messages.message import Int64, Message, Required

MAX_USERNAME_CHARACTERS: Final = 255
MIN_PASSWORD_CHARACTERS: Final = 12
MAX_PASSWORD_CHARACTERS: Final = 1024
"""A longer one would cost more than a password is worth to be hashed."""

LAST_ADMIN: Final = "This is the only administrator: make another user one first."

ALL: Final = "all"
READ_ONLY: Final = "read"
SCOPES: Final = frozenset({ALL, READ_ONLY})

Password = Annotated[str, msgspec.Meta(max_length=MAX_PASSWORD_CHARACTERS)]


class UserMessage(Message):
    """A request about one user, by name."""

    required: ClassVar[Required] = ("username",)

    username: Name = ""


class CreateUser(UserMessage):
    required: ClassVar[Required] = ("username", "password")

    password: Password = ""


class SetUp(UserMessage):
    """The first administrator, by the token on the server's terminal."""

    required: ClassVar[Required] = ("token", "username", "password")

    token: Word = ""
    password: Password = ""


class GetUser(UserMessage):
    pass


class ListUsers(Message):
    pass


class GetCurrentUser(Message):
    pass


class UpdateUserPassword(UserMessage):
    """`current_password` is needed of users who change their own."""

    required: ClassVar[Required] = ("username", "password")

    password: Password = ""
    current_password: Password = ""


class UpdateUserAdmin(UserMessage):
    required: ClassVar[Required] = ("username", "is_admin")

    is_admin: bool | None = None


class DeleteUser(UserMessage):
    pass


class CreateAccessToken(Message):
    """A token of the user who asks. `expires_ms` is a time, None for never."""

    required: ClassVar[Required] = ("name",)

    name: Name = ""
    scope: Word = ALL
    expires_ms: Int64 | None = None


class ListAccessTokens(Message):
    """Those of the user who asks; an administrator may name another."""

    username: Name = ""


class RevokeAccessToken(Message):
    """A token of the user who asks; an administrator may revoke every token."""

    required: ClassVar[Required] = ()

    token_id: Word = ""


def user_not_found(username: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"User with username={username} not found")


def access_token_not_found(token_id: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Access token with id={token_id} not found")


def check_username(username: str) -> None:
    """Refuse what no user is called: a name with a colon could never be sent with a password.

    Raises InvalidParameterValue.
    """
    if not username or not username.isprintable() or username != username.strip():
        raise InvalidParameterValue("A user name has printable characters, and no spaces around them.")
    if ":" in username or "/" in username:
        raise InvalidParameterValue("A user name has no ':' and no '/'.")
    if len(username) > MAX_USERNAME_CHARACTERS:
        raise InvalidParameterValue(f"A user name has at most {MAX_USERNAME_CHARACTERS} characters.")
    if username in RESERVED_USERS:
        raise InvalidParameterValue(f"The name '{username}' stands for no user in the history; choose another.")


def check_password(username: str, password: str) -> None:
    """Refuse what others would guess: by its length, and by a list. Raises InvalidParameterValue."""
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise InvalidParameterValue(f"A password has at least {MIN_PASSWORD_CHARACTERS} characters.")
    if password.casefold() in KNOWN_PASSWORDS or password.casefold() == username.casefold():
        raise InvalidParameterValue("This password is among the first that others try; choose another.")


KNOWN_PASSWORDS: Final = frozenset(
    {
        "password1234",
        "password12345",
        "password123456",
        "passwordpassword",
        "123456789012",
        "1234567890123",
        "12345678901234",
        "123123123123",
        "111111111111",
        "000000000000",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiopasdfghjkl",
        "qwerty123456",
        "abcdefghijkl",
        "abcdefghijklm",
        "adminadminadmin",
        "administrator",
        "administrator1",
        "changemechangeme",
        "changeme1234",
        "letmeinletmein",
        "iloveyou1234",
        "iloveyouiloveyou",
        "mlflowmlflow",
        "mlflow123456",
        "mlflowpassword",
        "tracklogtracklog",
        "tracklog1234",
        "welcome12345",
        "welcomewelcome",
        "correcthorsebatterystaple",
    }
)
"""In lower case, of twelve characters or more; MLflow's former default is the first."""
