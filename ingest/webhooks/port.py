"""Where the secrets of webhooks are kept, and where webhooks may lead, as commands see it."""

from abc import ABC, abstractmethod


class WebhookSecrets(ABC):
    """Keeps secrets, sealed, by ids that it makes. Raises TemporarilyUnavailable when the store cannot be reached."""

    @abstractmethod
    async def keep(self, secret: str) -> str:
        """Keep a secret, and return its id. It is durable then.

        Raises InvalidParameterValue, which says what is missing, where there is no key to seal it with.
        """

    @abstractmethod
    async def forget(self, secret_id: str) -> None:
        """Forget what is kept under the id, if anything is."""


class WebhookTargets(ABC):
    """Knows where webhooks may lead."""

    @abstractmethod
    async def check(self, url: str) -> None:
        """Raises InvalidParameterValue, with a sentence for the client, when no webhook may lead to `url` now."""
