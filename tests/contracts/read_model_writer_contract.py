"""What every adapter of ReadModelWriter must do, whatever the read model is made of.

A test module subclasses `ReadModelWriterContract` and gives it the fixture `read_model`: an empty one in which
nothing was ever folded.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence

import pytest

from projector.changes import (
    AppendBytes,
    Change,
    Delete,
    DeleteBy,
    Insert,
    InsertNew,
    NewNumbers,
    Read,
    Reading,
    ReadPairs,
    Row,
    Update,
    Upsert,
)
from projector.port import CheckpointMove, Fenced, ReadModelWriter, Refusal, SetAside, Superseded, Unwritable
from schemas.envelope import Actor, RecordedEvent

PARTITION = 0
EVENT_ID = b"\x01" * 16
TAGS = ReadPairs("tags", ("run_number", "key", "value"), ("run_number", "key"), {1: ["a", "b"], 2: ["a"]})
EXPERIMENT_NAMES = Read("experiments", ("experiment_id", "name"), "experiment_id", [1, 2])


class WrittenReadModel(ABC):
    """A read model for the contract."""

    @abstractmethod
    async def open(self) -> ReadModelWriter:
        """One more writer of it, which the contract closes."""

    @abstractmethod
    async def supersede(self) -> None:
        """Have another read model take its place."""


def tag(run_number: int, key: str, value: str) -> Row:
    return (run_number, key, value, 7)


def experiment(experiment_id: int, name: str) -> Row:
    return (experiment_id, name, "location", "active", 1, 1, 1, 0, None)


def dataset(first_us: int, source: str) -> Row:
    return (7, "name", "digest", "type", source, None, None, first_us, "id")


def event(partition: int, offset: int, stream: str) -> RecordedEvent:
    return RecordedEvent(partition, offset, EVENT_ID, "run.updated", 1, stream, 0, Actor(), "request", b"{}")


def to(new: int, expected: int = 0, partition: int = PARTITION) -> dict[int, CheckpointMove]:
    return {partition: CheckpointMove(expected, new, EVENT_ID)}


async def make(writer: ReadModelWriter, *changes: Change) -> None:
    """Commit changes that no event accounts for."""
    await writer.commit(changes, (), (), {})


async def rows(writer: ReadModelWriter, reading: Reading) -> list[Row]:
    return sorted(tuple(row) for row in await writer.read(reading))


class ReadModelWriterContract:
    """The rules."""

    @pytest.fixture
    async def writer(self, read_model: WrittenReadModel) -> AsyncIterator[ReadModelWriter]:
        writer = await read_model.open()
        await writer.checkpoints({PARTITION, 1})
        yield writer
        await writer.close()

    # --- reads and changes ------------------------------------------------------------------------------------------

    async def test_rows_are_read_by_the_values_of_a_column(self, writer: ReadModelWriter) -> None:
        await make(writer, Insert("experiments", [experiment(one, f"e{one}") for one in (1, 2, 3)]))
        assert await rows(writer, EXPERIMENT_NAMES) == [(1, "e1"), (2, "e2")]
        names = Read("experiments", ("experiment_id",), "name", {"e3", "e4", "'"})
        assert await rows(writer, names) == [(3,)]

    async def test_rows_are_read_by_pairs(self, writer: ReadModelWriter) -> None:
        stored = [tag(1, "a", "1a"), tag(1, "b", "1b"), tag(1, "c", "1c"), tag(2, "a", "2a"), tag(2, "b", "2b")]
        await make(writer, Insert("tags", stored))
        assert await rows(writer, TAGS) == [(1, "a", "1a"), (1, "b", "1b"), (2, "a", "2a")]

    async def test_pairs_of_texts_are_taken_as_they_are(self, writer: ReadModelWriter) -> None:
        texts = ['a"b\\c', "\x01\n", "5", "005", "\N{GRINNING FACE}", "é"]
        await make(writer, Insert("logged_model_params", [(text, text, "v") for text in texts]))
        read = ReadPairs("logged_model_params", ("model_id", "key"), ("model_id", "key"), {one: {one} for one in texts})
        assert await rows(writer, read) == sorted((text, text) for text in texts)

    async def test_nothing_is_read_by_no_keys(self, writer: ReadModelWriter) -> None:
        await make(writer, Insert("experiments", [experiment(1, "e1")]), Insert("tags", [tag(1, "a", "v")]))
        assert await rows(writer, Read("experiments", ("name",), "experiment_id", ())) == []
        assert await rows(writer, ReadPairs("tags", ("value",), ("run_number", "key"), {})) == []

    @pytest.mark.parametrize("count", [1, 500], ids=["few", "many"])
    async def test_every_kind_of_row_is_kept_as_it_was(self, writer: ReadModelWriter, count: int) -> None:
        chunk = (-1, 2**62, -(2**63), 2**63 - 1, 0.1, None, b"\0\xff")
        await make(writer, Insert("metric_chunks", [(1, "k", number, *chunk) for number in range(count)]))
        columns = ("chunk_number", "min_step", "max_step", "min_timestamp_ms", "max_timestamp_ms")
        read = Read("metric_chunks", (*columns, "min_value", "max_value", "data"), "key", {"k"})
        assert await rows(writer, read) == [(number, *chunk) for number in range(count)]

    async def test_insert_new_leaves_rows_that_are_there(self, writer: ReadModelWriter) -> None:
        await make(writer, Insert("tags", [tag(1, "a", "old")]))
        await make(writer, InsertNew("tags", [tag(1, "a", "new"), tag(1, "b", "new")]))
        assert await rows(writer, TAGS) == [(1, "a", "old"), (1, "b", "new")]

    async def test_upsert_replaces_rows_that_are_there(self, writer: ReadModelWriter) -> None:
        await make(writer, Insert("tags", [tag(1, "a", "old")]))
        await make(writer, Upsert("tags", [tag(1, "a", "new"), tag(1, "b", "new")]))
        assert await rows(writer, TAGS) == [(1, "a", "new"), (1, "b", "new")]

    @pytest.mark.parametrize(("first_us", "kept"), [(4, "later"), (5, "first"), (6, "first")])
    async def test_upsert_of_the_first_replaces_later_rows_only(
        self, writer: ReadModelWriter, first_us: int, kept: str
    ) -> None:
        first_by = ("first_us", "first_event_id")
        await make(writer, Upsert("datasets", [dataset(5, "first")], first_by))
        await make(writer, Upsert("datasets", [dataset(first_us, "later")], first_by))
        assert await rows(writer, Read("datasets", ("source",), "experiment_id", {7})) == [(kept,)]

    async def test_update_changes_the_columns_of_rows_that_are_there(self, writer: ReadModelWriter) -> None:
        await make(writer, Insert("experiments", [experiment(1, "one"), experiment(2, "two")]))
        columns = ("name", "claim")
        await make(writer, Update("experiments", columns, [("ONE", "c", 1), ("nobody", None, 3)]))
        read = Read("experiments", ("experiment_id", "name", "artifact_location", "claim"), "experiment_id", {1, 2, 3})
        assert await rows(writer, read) == [(1, "ONE", "location", "c"), (2, "two", "location", None)]

    async def test_append_adds_bytes_to_the_end(self, writer: ReadModelWriter) -> None:
        await make(writer, Insert("metric_tails", [(1, "a", b"\0\xff")]))
        await make(writer, AppendBytes("metric_tails", "data", [(b"\xfe\0", 1, "a"), (b"lost", 2, "a")]))
        tails = ReadPairs("metric_tails", ("data",), ("run_number", "key"), {1: ["a"], 2: ["a"]})
        assert await rows(writer, tails) == [(b"\0\xff\xfe\0",)]

    async def test_delete_takes_rows_away(self, writer: ReadModelWriter) -> None:
        await make(writer, Insert("tags", [tag(1, "a", "v"), tag(1, "b", "v")]))
        await make(writer, Delete("tags", [(1, "a"), (2, "a")]))
        assert await rows(writer, TAGS) == [(1, "b", "v")]

    async def test_delete_by_takes_every_row_away_that_has_a_value(self, writer: ReadModelWriter) -> None:
        stored = [tag(1, "a", "v"), tag(1, "b", "v"), tag(2, "a", "v")]
        await make(writer, Insert("tags", stored), DeleteBy("tags", "run_number", [(1,), (3,)]))
        assert await rows(writer, TAGS) == [(2, "a", "v")]
        texts = ['a"b\\c', "\x01\n", "é", "'"]
        await make(writer, Insert("logged_model_params", [(text, key, "v") for text in texts for key in "ab"]))
        await make(writer, DeleteBy("logged_model_params", "model_id", [(text,) for text in texts[1:]]))
        left = Read("logged_model_params", ("model_id", "key"), "model_id", texts)
        assert await rows(writer, left) == [(texts[0], "a"), (texts[0], "b")]

    async def test_changes_are_made_in_their_order(self, writer: ReadModelWriter) -> None:
        await make(writer, Insert("experiments", [experiment(1, "a"), experiment(2, "b")]))
        swap = [Update("experiments", ("name",), [(name, one)]) for name, one in (("-", 1), ("a", 2), ("b", 1))]
        await make(writer, *swap)
        assert await rows(writer, EXPERIMENT_NAMES) == [(1, "b"), (2, "a")]

    async def test_a_number_is_given_once_and_is_of_no_row(self, read_model: WrittenReadModel) -> None:
        given: set[int] = set()
        for count in (1, 3, 600):
            writer = await read_model.open()
            numbers = [number for one in (count, 2) for (number,) in await writer.read(numbers_for(one))]
            assert len(numbers) == count + 2
            assert given.isdisjoint(numbers)
            given.update(numbers)
            await make(writer, Insert("runs", [run(number) for number in numbers]))
            await writer.close()
        assert len(given) == 610

    async def test_a_fenced_writer_is_given_numbers_that_are_free(
        self, read_model: WrittenReadModel, writer: ReadModelWriter
    ) -> None:
        [(stale,)] = await writer.read(numbers_for(1))
        other = await read_model.open()
        taken = [number for (number,) in await other.read(numbers_for(3))]
        await other.commit([Insert("runs", list(map(run, taken)))], (), (), to(1))
        await other.close()
        with pytest.raises(Fenced):
            await writer.commit([Insert("runs", [run(stale)])], (), (), to(1))
        [(free,)] = await writer.read(numbers_for(1))
        await writer.commit([Insert("runs", [run(free)])], (), (), to(2, expected=1))
        found = await rows(writer, Read("runs", ("run_number",), "experiment_id", {7}))
        assert found == sorted((number,) for number in [*taken, free])

    # --- commits ----------------------------------------------------------------------------------------------------

    async def test_a_partition_that_was_never_folded_begins_at_zero(self, writer: ReadModelWriter) -> None:
        assert dict(await writer.checkpoints({PARTITION, 1})) == {PARTITION: 0, 1: 0}

    async def test_rows_and_checkpoints_are_seen_together(
        self, read_model: WrittenReadModel, writer: ReadModelWriter
    ) -> None:
        await writer.commit([Insert("tags", [tag(1, "a", "v")])], (), (), to(5))
        other = await read_model.open()
        assert dict(await other.checkpoints({PARTITION, 1})) == {PARTITION: 5, 1: 0}
        assert await rows(other, TAGS) == [(1, "a", "v")]
        await other.check({PARTITION: 5})
        await other.close()

    async def test_a_commit_that_is_repeated_is_fenced_and_changes_nothing(self, writer: ReadModelWriter) -> None:
        append = AppendBytes("metric_tails", "data", [(b"+", 1, "a")])
        await make(writer, Insert("metric_tails", [(1, "a", b"")]))
        await writer.commit([append], (), (), to(1))
        with pytest.raises(Fenced):
            await writer.commit([append], [Refusal(PARTITION, 0, "BAD_REQUEST", "m", "run/a")], (), to(1))
        assert await rows(writer, Read("metric_tails", ("data",), "key", {"a"})) == [(b"+",)]
        assert await writer.refusals_since(PARTITION, 0) == []
        assert dict(await writer.checkpoints({PARTITION})) == {PARTITION: 1}
        await writer.commit([append], (), (), to(2, expected=1))  # and the writer goes on

    async def test_a_commit_of_several_partitions_happens_whole_or_not_at_all(self, writer: ReadModelWriter) -> None:
        await writer.commit((), (), (), to(1))
        with pytest.raises(Fenced):
            await writer.commit([Insert("tags", [tag(1, "a", "v")])], (), (), to(3, partition=1) | to(3))
        assert dict(await writer.checkpoints({PARTITION, 1})) == {PARTITION: 1, 1: 0}
        assert await rows(writer, TAGS) == []

    async def test_a_worker_finds_out_that_it_is_fenced(
        self, read_model: WrittenReadModel, writer: ReadModelWriter
    ) -> None:
        await writer.check({PARTITION: 0})
        other = await read_model.open()
        await other.commit((), (), (), to(1))
        await other.close()
        with pytest.raises(Fenced):
            await writer.check({PARTITION: 0})

    async def test_nothing_is_written_into_a_read_model_that_was_superseded(
        self, read_model: WrittenReadModel, writer: ReadModelWriter
    ) -> None:
        await read_model.supersede()
        with pytest.raises(Superseded):
            await writer.check({PARTITION: 0})
        with pytest.raises(Superseded):
            await writer.commit([Insert("tags", [tag(1, "a", "v")])], (), (), to(1))
        assert await rows(writer, TAGS) == []

    @pytest.mark.parametrize(
        "change",
        [
            Insert("tags", [tag(1, "a", "again")]),
            Insert("experiments", [experiment(1, "\ud800")]),
            Insert("experiments", [experiment(2**63, "e")]),
            Insert("experiments", [(1, None, *experiment(1, "e")[2:])]),
            Update("experiments", ("name",), [("taken", 1)]),
        ],
        ids=["a key that is there", "a lone surrogate", "a number out of range", "no value", "a name that is taken"],
    )
    async def test_what_cannot_be_kept_leaves_no_trace(self, writer: ReadModelWriter, change: Change) -> None:
        await make(writer, Insert("tags", [tag(1, "a", "first")]))
        if isinstance(change, Update):
            await make(writer, Insert("experiments", [experiment(1, "e"), experiment(2, "taken")]))
        before = await rows(writer, EXPERIMENT_NAMES)
        with pytest.raises(Unwritable):
            await writer.commit([Insert("tags", [tag(1, "b", "v")]), change], (), (), to(1))
        assert await rows(writer, TAGS) == [(1, "a", "first")]
        assert await rows(writer, EXPERIMENT_NAMES) == before
        assert dict(await writer.checkpoints({PARTITION})) == {PARTITION: 0}
        await writer.commit([Insert("tags", [tag(1, "b", "v")])], (), (), to(1))  # and the writer goes on

    @pytest.mark.parametrize(
        "reading",
        [
            Read("experiments", ("name",), "name", ["\ud800"]),
            ReadPairs("tags", ("value",), ("run_number", "key"), {1: ["\ud800"]}),
        ],
        ids=["by a column", "by pairs"],
    )
    async def test_what_cannot_be_asked_for_is_unwritable(self, writer: ReadModelWriter, reading: Reading) -> None:
        with pytest.raises(Unwritable):
            await writer.read(reading)
        assert await rows(writer, TAGS) == []  # and the writer goes on

    # --- events that were not folded --------------------------------------------------------------------------------

    async def test_refusals_are_kept_from_an_offset_on(self, writer: ReadModelWriter) -> None:
        refusals = [Refusal(PARTITION, offset, "BAD_REQUEST", f"m{offset}", "run/a") for offset in (1, 2, 3)]
        await writer.commit((), [*refusals, Refusal(1, 9, "BAD_REQUEST", "of another partition", "run/b")], (), to(4))
        assert sort(await writer.refusals_since(PARTITION, 2)) == refusals[1:]

    async def test_events_set_aside_are_found_in_their_order_until_they_are_resumed(
        self, writer: ReadModelWriter
    ) -> None:
        places = [(1, 0), (0, 7), (0, 2), (2, 5)]
        aside = [SetAside(event(*place, f"run/{place}"), "why") for place in places]
        await writer.commit((), (), aside, to(8))
        found = await writer.set_aside_positions({0, 1})
        assert [(one.partition, one.offset, one.stream) for one in found] == [
            (0, 2, "run/(0, 2)"),
            (0, 7, "run/(0, 7)"),
            (1, 0, "run/(1, 0)"),
        ]
        await writer.commit((), (), (), {}, [(0, 2), (1, 0)])
        assert [(one.partition, one.offset) for one in await writer.set_aside_positions({0, 1, 2})] == [(0, 7), (2, 5)]


def numbers_for(count: int) -> NewNumbers:
    return NewNumbers("runs", "run_number", count)


def run(number: int) -> Row:
    return (number, f"run-{number}", 7, "name", "user", "RUNNING", 1, None, "uri", "active", 1, None)


def sort(refusals: Sequence[Refusal]) -> list[Refusal]:
    return sorted(refusals, key=lambda refusal: refusal.offset)
