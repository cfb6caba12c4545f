"""From a token of the provider, which a script shows, to its principal."""

from collections.abc import Callable
from typing import Final

from schemas.principal import Principal
from tracklog.authentication.oidc.accounts import Accounts
from tracklog.authentication.oidc.claims import known_by
from tracklog.authentication.oidc.signing_keys import SigningKeys
from tracklog.authentication.oidc.tokens import check_claims, check_is_access_token, looks_like_token, signed_token
from tracklog.settings.oidc import OidcSettings

REMEMBERED_S: Final = 300.0
"""For so long a token that was checked need not be checked again: then its key may be one that was taken back."""


class BearerTokens:
    """`now_ms` is the time."""

    def __init__(
        self, settings: OidcSettings, keys: SigningKeys, accounts: Accounts, now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._accounts = accounts
        self._now_ms = now_ms

    def is_token(self, text: str) -> bool:
        """Whether `text` has the shape of a token."""
        return looks_like_token(text)

    async def principal(self, token: str, address: str) -> tuple[Principal, int]:
        """Whom a token names, and until when that may be remembered.

        Raises Unauthenticated, PermissionDenied, and what SigningKeys and Accounts raise.
        """
        signed = await signed_token(token, self._keys)
        now_s = self._now_ms() / 1000
        check_claims(signed.claims, self._settings.issuer, self._settings.audience, now_s)
        check_is_access_token(signed)
        principal = await self._accounts.principal(known_by(signed.claims, self._settings), address)
        return principal, int(min(signed.claims["exp"], now_s + REMEMBERED_S) * 1000)
