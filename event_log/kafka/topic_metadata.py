"""The request for the leaders of a topic's partitions, in the one version of the protocol that also has the topic's id.

aiokafka knows older versions only. The id is that of KIP-516: made with the topic, so that a topic of the same name
that was deleted and created again has another. Brokers before Kafka 2.8 know no ids, and are asked in an older version.
The request never makes the brokers create the topic, whatever they are configured to do.
Source: https://kafka.apache.org/protocol.html#The_Messages_Metadata
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

_METADATA: Final = 3
_NO_ID: Final = uuid.UUID(int=0)


class _Uuid(AbstractType[uuid.UUID]):  # type: ignore[misc]
    """16 bytes."""

    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


class _MetadataResponse_v10(Response):  # type: ignore[misc]  # noqa: N801  # as aiokafka names versions
    API_KEY = _METADATA
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataRequest_v10(RequestStruct):  # type: ignore[misc]  # noqa: N801
    API_KEY = _METADATA
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _MetadataResponse_v10
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicMetadataRequest(Request[MetadataRequest_v5 | _MetadataRequest_v10]):  # type: ignore[misc]
    """Asks about the brokers and one topic."""

    API_KEY = _METADATA

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[Any]) -> Any:
        if request_struct_class is _MetadataRequest_v10:
            return _MetadataRequest_v10([(_NO_ID, self._topic, {})], False, False, False, {})
        return request_struct_class([self._topic], False)


@dataclass(frozen=True, slots=True)
class TopicMetadata:
    """What an answer holds. `id` is None where the brokers know no ids.

    By partition: `leaders`, -1 where none is known, and `in_sync`, how many replicas have all that was acknowledged.
    """

    error_code: int
    id: uuid.UUID | None
    leaders: Mapping[int, int]
    in_sync: Mapping[int, int]


def topic_in(response: Any) -> TopicMetadata | None:
    """The topic in `response`, if it is there."""
    if isinstance(response, _MetadataResponse_v10):
        for code, _, topic_id, _, partitions, *_ in response.topics:
            leaders = {partition: leader for _, partition, leader, *_ in partitions}
            in_sync = {partition: len(isr) for _, partition, _, _, _, isr, *_ in partitions}
            return TopicMetadata(code, topic_id if topic_id.int else None, leaders, in_sync)
    else:
        for code, _, _, partitions in response.topics:
            leaders = {partition: leader for _, partition, leader, *_ in partitions}
            in_sync = {partition: len(isr) for _, partition, _, _, isr, *_ in partitions}
            return TopicMetadata(code, None, leaders, in_sync)
    return None
