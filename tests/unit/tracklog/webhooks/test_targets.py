"""A URL that no webhook may lead to is the client's fault, and said so."""

from collections.abc import Sequence

import pytest

from schemas.errors import InvalidParameterValue
from tracklog.settings.webhooks import WebhookSettings
from tracklog.webhooks.targets import CheckedTargets


async def resolve(host: str) -> Sequence[str]:
    return ["10.0.0.1" if host == "inside.example" else "93.184.216.34"]


async def test_settings_say_where_webhooks_may_lead() -> None:
    targets = CheckedTargets(WebhookSettings(), resolve)
    await targets.check("https://receiver.example/hook")
    for url in ("http://receiver.example/", "https://inside.example/", "https://127.0.0.1/"):
        with pytest.raises(InvalidParameterValue, match="of a webhook"):
            await targets.check(url)
    allowing = CheckedTargets(WebhookSettings(schemes=frozenset({"http"}), private=True), resolve)
    await allowing.check("http://inside.example/")
    await allowing.check("http://127.0.0.1/")
