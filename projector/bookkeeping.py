"""What a writer keeps of the events of a batch that were not folded, as changes of its tables."""

from collections.abc import Sequence

from projector.changes import Change, Delete, Upsert
from projector.port import Refusal, SetAside


def kept_back(
    refusals: Sequence[Refusal], set_aside: Sequence[SetAside], resumed: Sequence[tuple[int, int]]
) -> tuple[Change, ...]:
    """`resumed` are (partition, offset) of events that are set aside no longer."""
    return (
        Upsert("refusals", [(one.partition, one.offset, one.error_code, one.message, one.stream) for one in refusals]),
        Delete("set_aside", resumed),
        Upsert(
            "set_aside",
            [
                (
                    one.event.partition,
                    one.event.offset,
                    one.event.stream,
                    one.event.id.hex(),
                    one.event.type,
                    one.reason,
                )
                for one in set_aside
            ],
        ),
    )
