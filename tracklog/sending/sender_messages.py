"""What a server and its sender child send each other, a line of JSON a message."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec
from prometheus_client.core import Metric

from tracklog.settings.webhooks import WebhookSettings


class ChildSettings(msgspec.Struct, frozen=True):
    """What a sender is told at its start, over standard input: a command line and an environment would show keys.

    `stores` says where its stores are, in the words of the deployment.
    """

    stores: dict[str, str | None]
    schemes: list[str]
    private: bool
    timeout_s: float
    keys: str | None
    key_file: str | None

    @classmethod
    def of(cls, stores: Mapping[str, str | None], webhooks: WebhookSettings) -> Self:
        return cls(
            dict(stores),
            sorted(webhooks.schemes),
            webhooks.private,
            webhooks.timeout_s,
            webhooks.keys,
            None if webhooks.key_file is None else str(webhooks.key_file.absolute()),
        )

    @property
    def webhooks(self) -> WebhookSettings:
        return WebhookSettings(
            schemes=frozenset(self.schemes),
            private=self.private,
            timeout_s=self.timeout_s,
            keys=self.keys,
            key_file=None if self.key_file is None else Path(self.key_file),
        )


class MetricTold(msgspec.Struct, frozen=True):
    """A metric of the child's, which its parent shows. `samples` are names, labels and values."""

    name: str
    documentation: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]

    @classmethod
    def of(cls, metric: Metric) -> Self:
        samples = [(one.name, dict(one.labels), float(one.value)) for one in metric.samples]
        return cls(metric.name, metric.documentation, metric.type, samples)

    def metric(self) -> Metric:
        metric = Metric(self.name, self.documentation, self.kind)
        for name, labels, value in self.samples:
            metric.add_sample(name, labels, value)
        return metric


class ChildStatus(msgspec.Struct, frozen=True):
    """Sent every second by the child. `trouble` is what keeps it from sending, None when nothing does."""

    trouble: str | None
    metrics: list[MetricTold] = []
