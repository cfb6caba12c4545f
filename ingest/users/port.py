"""Where passwords and tokens are kept, as commands see it."""

from abc import ABC, abstractmethod
from typing import NamedTuple


class NewToken(NamedTuple):
    """A token as it is shown once, and the id that it is known by."""

    token_id: str
    token: str


class CredentialStore(ABC):
    """Keeps hashes of passwords and digests of tokens by ids that it makes.

    Raises TemporarilyUnavailable when the store cannot be reached, RequestLimitExceeded when too many passwords wait to
    be hashed.
    """

    @abstractmethod
    async def keep_password(self, password: str) -> str:
        """Keep the hash of a password, and return its id."""

    @abstractmethod
    async def is_password(self, password_id: str, password: str) -> bool:
        """Whether `password` is the one kept under the id; False when nothing is."""

    @abstractmethod
    async def keep_token(self) -> NewToken:
        """Make a token, and keep its digest."""

    @abstractmethod
    async def forget(self, secret_id: str) -> None:
        """Forget a password or a token, which need not be there."""

    @abstractmethod
    def users_changed(self) -> None:
        """Note that what was found out of users before may hold no more; other processes notice by themselves."""
