"""Reads messages that lie here and there: small answers for single places, several asked for at once.

A broker answers with whole record batches. So what is asked for is one batch or a little more, and the next places are
guessed by how far the last answers reached.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import Any, Final

from aiokafka.protocol.fetch import FetchRequest

from event_log.kafka.cluster import NO_ERROR, BrokerAway, KafkaCluster, NoAnswer
from event_log.kafka.record_batches import Batch, Record, batches_of, records_of
from schemas.asked_together import AskedTogether

AT_ONCE: Final = 8
"""Questions about one partition that are under way together."""

CONNECTIONS: Final = 4
"""To each broker, among which the questions are shared out: it answers those of one in turn."""

ANSWER_BYTES: Final = 16 * 1024
"""Of one answer, as stored; a larger batch comes whole nevertheless."""

_ASK_S: Final = 2.0
_READ_UNCOMMITTED: Final = 0


class Elsewhere(Exception):
    """A place could not be read so: the partition has moved, or the broker is away. The reader of streams tells why."""


@dataclass(slots=True)
class _Wanted:
    """Offsets that ascend and were not looked at yet, and the messages found so far."""

    offsets: list[int]
    span: int  # how far answers reach
    found: list[Record] = field(default_factory=list)

    def places(self) -> list[int]:
        """The next offsets to ask about, each farther from the one before than an answer is thought to reach."""
        chosen: list[int] = []
        for offset in self.offsets:
            if not chosen or offset >= chosen[-1] + self.span:
                chosen.append(offset)
                if len(chosen) == AT_ONCE:
                    break
        return chosen

    def take(self, place: int, batches: Sequence[Batch]) -> None:
        """Keep what an answer about a place has of what is wanted. Where it has nothing, there is nothing after it."""
        end = batches[-1].end if batches else None
        fresh = {one for one in self.offsets if place <= one and (end is None or one < end)}
        self.offsets = [one for one in self.offsets if one not in fresh]
        begin = place
        for batch in batches:  # to unpack one in which nothing is wanted would be most of the work
            wanted = {one for one in fresh if begin <= one < batch.end}
            begin = batch.end
            if wanted:
                last = max(wanted)
                records = takewhile(lambda record: record.offset <= last, records_of(batch, place))  # noqa: B023
                self.found += [record for record in records if record.offset in wanted]
        if end is not None:
            self.span = max(1, (end - place + self.span) // 2)


class KafkaSeeker:
    """Reads of one topic, of any of its partitions. What is read at the same time is asked for together."""

    def __init__(self, cluster: KafkaCluster) -> None:
        self._cluster = cluster
        self._turn = count()
        self._span = 1
        self._places: AskedTogether[tuple[int, int], list[Batch]] = AskedTogether(self._ask)

    async def records_at(self, partition: int, offsets: Sequence[int], max_bytes: int) -> tuple[list[Record], int]:
        """The messages at `offsets`, which ascend, in order, and before which offset all were looked for.

        Stops early once they have `max_bytes`. Raises Elsewhere, with nothing read.
        """
        wanted = _Wanted(list(offsets), self._span)
        size = 0
        while size < max_bytes and (places := wanted.places()):
            answers = await asyncio.gather(*(self._places.ask((partition, place)) for place in places))
            for place, batches in zip(places, answers, strict=True):
                wanted.take(place, batches)
            size = sum(len(record.value or b"") for record in wanted.found)
        self._span = wanted.span
        reached = wanted.offsets[0] if wanted.offsets else offsets[-1] + 1
        found = sorted((one for one in wanted.found if one.offset < reached), key=lambda one: one.offset)
        return found, reached

    async def _ask(self, places: Sequence[tuple[int, int]]) -> list[list[Batch]]:
        """What the log has from each place of a partition on."""
        questions: list[tuple[int, dict[int, int]]] = []  # a broker, and of each partition the number of one place
        for number, (partition, _) in enumerate(places):
            leader = self._cluster.leader_of(partition)
            if leader is None:
                raise Elsewhere
            for broker, asked in questions:
                if broker == leader and partition not in asked:
                    asked[partition] = number
                    break
            else:
                questions.append((leader, {partition: number}))
        answers = await asyncio.gather(
            *(self._answers(broker, [places[one] for one in asked.values()]) for broker, asked in questions)
        )
        found: dict[int, list[Batch]] = {}
        for (_, asked), answer in zip(questions, answers, strict=True):
            found |= {number: answer[partition] for partition, number in asked.items()}
        return [found[number] for number in range(len(places))]

    async def _answers(self, broker: int, places: Sequence[tuple[int, int]]) -> dict[int, list[Batch]]:
        """What a broker has from a place of each of some partitions on.

        A batch that is larger than what is asked for comes whole for the first of them alone: about the others it is
        asked again, by themselves.
        """
        asked = [(partition, offset, ANSWER_BYTES) for partition, offset in places]
        largest = ANSWER_BYTES * len(places)
        request: Any = FetchRequest(0, 1, largest, _READ_UNCOMMITTED, [(self._cluster.topic, asked)])
        purpose = f"seek-{next(self._turn) % CONNECTIONS}"
        try:
            response = await self._cluster.ask(broker, purpose, request, _ASK_S)
        except (BrokerAway, NoAnswer) as error:
            raise Elsewhere from error
        offsets = dict(places)
        found: dict[int, list[Batch]] = {}
        again: list[tuple[int, int]] = []
        for _, answers in response.topics:
            for partition, code, end, *_, messages in answers:
                offset = offsets[partition]
                if code == NO_ERROR and (messages or offset >= end):
                    found[partition] = batches_of(messages or b"", offset, end)
                elif code == NO_ERROR and len(places) > 1:
                    again.append((partition, offset))
                else:
                    raise Elsewhere
        for answer in await asyncio.gather(*(self._answers(broker, [one]) for one in again)):
            found |= answer
        return found
