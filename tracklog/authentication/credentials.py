"""Passwords and access tokens in the store of secrets.

A token is `tracklog_<id>_<secret>`. Its secret has 256 bits, which nobody guesses, so a plain digest of it is kept: it
is compared at every request that is not remembered.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from typing import Final

from ingest.users.port import CredentialStore, NewToken
from tracklog.authentication.passwords import Passwords
from tracklog.secret_store.port import Secrets

PREFIX: Final = "tracklog"

_TOKEN: Final = re.compile(rf"{PREFIX}_([0-9a-f]{{16}})_([A-Za-z0-9_-]{{43}})\Z")


class Credentials(CredentialStore):
    def __init__(self, secrets_store: Secrets, passwords: Passwords) -> None:
        self._secrets = secrets_store
        self._passwords = passwords
        self.on_change: Callable[[], None] = lambda: None

    async def keep_password(self, password: str) -> str:
        password_id = secrets.token_hex(16)
        await self._secrets.put(password_id, await self._passwords.hashed(password))
        return password_id

    async def is_password(self, password_id: str, password: str) -> bool:
        kept = await self._secrets.get(password_id) if password_id else None
        is_right = await self._passwords.matches(kept, password)
        if is_right and kept is not None and self._passwords.is_outdated(kept):
            await self._secrets.replace(password_id, kept, await self._passwords.hashed(password))
        return is_right

    async def keep_token(self) -> NewToken:
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        await self._secrets.put(token_id, _digest(secret))
        return NewToken(token_id, f"{PREFIX}_{token_id}_{secret}")

    async def is_token(self, token_id: str, secret: str) -> bool:
        """Whether `secret` is that of the token with this id."""
        kept = await self._secrets.get(token_id)
        return kept is not None and hmac.compare_digest(kept, _digest(secret))

    async def forget(self, secret_id: str) -> None:
        await self._secrets.delete(secret_id)

    def users_changed(self) -> None:
        self.on_change()


def parsed_token(text: str) -> tuple[str, str] | None:
    """Id and secret of what looks like a token; None for anything else."""
    found = _TOKEN.match(text)
    return None if found is None else (found[1], found[2])


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
