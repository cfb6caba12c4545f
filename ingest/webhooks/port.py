"""What commands about webhooks stand on: where secrets are kept, where webhooks may lead, and deliveries."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple


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

    @abstractmethod
    async def kept_long(self) -> set[str]:
        """The ids of those that were kept so long ago that an event which names them is in the log, if ever."""


class WebhookTargets(ABC):
    """Knows where webhooks may lead."""

    @abstractmethod
    async def check(self, url: str) -> None:
        """Raises InvalidParameterValue, with a sentence for the client, when no webhook may lead to `url` now."""


class SentTest(NamedTuple):
    """What came of a test: the status and the beginning of the answer, or an error in fixed words."""

    success: bool
    status: int | None = None
    body: str = ""
    error: str = ""


class WebhookDeliveries(ABC):
    """The deliveries that are kept account of. Raises TemporarilyUnavailable when they cannot be asked for."""

    @abstractmethod
    async def test(self, webhook_id: str, event: str) -> SentTest:
        """Have an example of an event sent once, and return what came of it."""

    @abstractmethod
    async def redeliver(self, webhook_id: str, delivery_id: str) -> bool:
        """Have one sent again; False when there is no such delivery of an event."""

    @abstractmethod
    async def redeliver_since(self, webhook_id: str, since: Mapping[int, int]) -> None:
        """Have all sent again from an offset on in each partition that is named."""

    @abstractmethod
    async def resume(self, webhook_id: str) -> None:
        """Send again to a webhook that was set aside, and at once what waits."""


class WebhookNeeds(NamedTuple):
    """All of it, where webhooks are served."""

    targets: WebhookTargets
    secrets: WebhookSecrets
    deliveries: WebhookDeliveries
