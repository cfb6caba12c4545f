"""What a process knows of a provider of OpenID Connect, put together."""

from collections.abc import Callable

from query_api.port import ReadModel
from tracklog.authentication.oidc.accounts import Accounts
from tracklog.authentication.oidc.bearer import BearerTokens
from tracklog.authentication.oidc.provider import Provider
from tracklog.authentication.oidc.signing_keys import SigningKeys
from tracklog.settings.oidc import OidcSettings


class SingleSignOn:
    """To be made inside the event loop, and closed. The provider is asked when something of it is needed."""

    def __init__(
        self, settings: OidcSettings, read_model: ReadModel, now_s: Callable[[], float], now_ms: Callable[[], int]
    ) -> None:
        self._provider = Provider(settings, now_s)
        self._keys = SigningKeys(self._provider.keys, now_s)
        self.accounts = Accounts(read_model)
        self.bearer = BearerTokens(settings, self._keys, self.accounts, now_ms)

    async def close(self) -> None:
        await self._keys.close()
        await self._provider.close()
