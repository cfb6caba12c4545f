"""Where webhooks may lead, for those who make them."""

from ingest.webhooks.port import WebhookTargets
from schemas.errors import InvalidParameterValue
from tracklog.settings.webhooks import WebhookSettings
from tracklog.webhooks.addresses import AddressPolicy, Resolve, UrlCheck, UrlRefused


class CheckedTargets(WebhookTargets):
    """Asks what the caller asks again at every call."""

    def __init__(self, settings: WebhookSettings, resolve: Resolve | None = None) -> None:
        self._check = UrlCheck(AddressPolicy(schemes=settings.schemes, private=settings.private), resolve)

    async def check(self, url: str) -> None:
        try:
            await self._check.check(url)
        except UrlRefused as refused:
            raise InvalidParameterValue(str(refused)) from refused
