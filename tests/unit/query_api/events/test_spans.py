"""The history of a registered model under the names that it had before."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from query_api.events import spans as event_spans
from query_api.events.history import ReadEvents, events_json
from query_api.events.spans import FormerName, Span, is_of_a_registered_model, spans, spans_of
from schemas.events import (
    AnyEvent,
    ModelVersionCreated,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelRestored,
    RegisteredModelTagSet,
)
from tests.unit.projector.histories import created, experiment, log_of
from tests.unit.projector.read_models import projected
from tests.unit.query_api.conftest import MakeRows
from tests.unit.query_api.sqlite_rows import SqliteRows


def model(name: str, registered_model_id: str = "") -> RegisteredModelCreated:
    return RegisteredModelCreated(name=name, registered_model_id=registered_model_id or f"id of {name}")


def tag(name: str) -> RegisteredModelTagSet:
    return RegisteredModelTagSet(name=name, key="k", value="v")


def rename(name: str, new_name: str) -> RegisteredModelRenamed:
    return RegisteredModelRenamed(name=name, new_name=new_name)


def delete(name: str) -> RegisteredModelDeleted:
    return RegisteredModelDeleted(name=name)


async def history(folder: Path, name: str, *events: AnyEvent, limit: int = 1000) -> list[int]:
    """The offsets of every event that is answered for the stream of a name, page by page."""
    log = await log_of(*events)
    rows = SqliteRows()
    names = await projected(folder, log)
    for row in names.rows("SELECT name, since, former_name, former_since FROM registered_model_names"):
        rows.insert(
            "registered_model_names", **dict(zip(("name", "since", "former_name", "former_since"), row, strict=True))
        )
    stream = f"registered-model/{name}"
    found: list[int] = []
    cursor = ""
    while True:
        wanted = ReadEvents(stream=stream, limit=limit, cursor=cursor)
        answer = orjson.loads(await events_json(log, wanted, await spans_of(rows, stream)))
        found += [one["offset"] for one in answer["events"]]
        assert len(answer["events"]) <= limit
        cursor = answer["next_cursor"]
        if not answer["events"]:
            await rows.close()
            return found


async def test_a_renamed_model_is_told_of_from_its_creation_on(tmp_path: Path) -> None:
    events = (model("a"), tag("a"), experiment(), rename("a", "b"), tag("b"), rename("b", "c"), created(), tag("c"))
    for limit in (1, 2, 3, 1000):
        assert await history(tmp_path, "c", *events, limit=limit) == [0, 1, 3, 4, 5, 7]
        assert await history(tmp_path, "b", *events, limit=limit) == [0, 1, 3, 4, 5]
        assert await history(tmp_path, "a", *events, limit=limit) == [0, 1, 3], "its last event names the new name"


async def test_a_name_that_was_taken_again_is_another_history(tmp_path: Path) -> None:
    events = (
        model("a"),
        delete("a"),
        model("a", "second"),
        tag("a"),
        rename("a", "b"),
        model("a", "third"),
        tag("a"),
        tag("b"),
    )
    assert await history(tmp_path, "b", *events) == [2, 3, 4, 7]
    assert await history(tmp_path, "a", *events) == [0, 1, 2, 3, 4, 5, 6]


async def test_a_refused_rename_brings_nothing_along(tmp_path: Path) -> None:
    assert await history(tmp_path, "b", model("a"), tag("a"), model("b"), rename("a", "b"), tag("b")) == [2, 4]


async def test_a_model_that_got_its_first_name_back_is_told_of_without_a_gap(tmp_path: Path) -> None:
    events = (model("a"), tag("a"), rename("a", "b"), tag("b"), rename("b", "a"), tag("a"))
    assert await history(tmp_path, "a", *events) == [0, 1, 2, 3, 4, 5]
    assert await history(tmp_path, "a", *events, limit=1) == [0, 1, 2, 3, 4, 5]


async def test_a_model_that_was_restored_and_renamed_is_told_of_from_its_creation_on(tmp_path: Path) -> None:
    restored = RegisteredModelRestored(name="b", registered_model_id="id of a", creation_time_ms=0, last_version=0)
    events = (model("a"), tag("a"), rename("a", "b"), delete("b"), restored, tag("b"), rename("b", "c"), tag("c"))
    assert await history(tmp_path, "b", *events) == [0, 1, 2, 3, 4, 5, 6]
    assert await history(tmp_path, "c", *events) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert await history(tmp_path, "c", *events, limit=1) == [0, 1, 2, 3, 4, 5, 6, 7]


async def test_histories_that_ran_beside_each_other_are_told_in_one_order(tmp_path: Path) -> None:
    """Two models had the name, one after the other, and both were there before under other names."""
    events = (
        model("a"),
        model("b"),
        model("x"),
        tag("a"),
        tag("b"),
        tag("x"),
        rename("a", "c"),
        tag("b"),
        delete("c"),
        rename("b", "c"),
        ModelVersionCreated(name="c", version_id="v", source="s", storage_location="s"),
    )
    for limit in (1, 2, 1000):
        assert await history(tmp_path, "c", *events, limit=limit) == [0, 1, 3, 4, 6, 7, 8, 9, 10]


async def test_other_filters_narrow_a_followed_history_too(tmp_path: Path) -> None:
    log = await log_of(model("a"), tag("a"), rename("a", "b"), tag("b"))
    found = await events_json(
        log,
        ReadEvents(stream="registered-model/b", type="registered-model.tag-set"),
        spans("b", [FormerName("a", 0, 2)]),
    )
    assert [one["offset"] for one in orjson.loads(found)["events"]] == [1, 3]


async def test_former_names_are_found_on_both_databases(make_rows: MakeRows) -> None:
    rows = make_rows()
    for name, since, former_name, former_since in (
        ("b", 3, "a", 0),
        ("c", 5, "b", 3),
        ("c", 9, "x", 7),
        ("b", 20, "c", 9),
    ):
        rows.insert(
            "registered_model_names", name=name, since=since, former_name=former_name, former_since=former_since
        )
    assert await spans_of(rows, "registered-model/unknown") == ()
    assert await spans_of(rows, "registered-model/c") == (
        Span(("registered-model/c",), 0),
        Span(("registered-model/c", "registered-model/a"), 3),
        Span(("registered-model/c", "registered-model/b", "registered-model/a"), 4),
        Span(("registered-model/c", "registered-model/b"), 6),
        Span(("registered-model/c",), 7),
        Span(("registered-model/c", "registered-model/x"), 10),
        Span(("registered-model/c",)),
    )


async def test_so_many_names_are_followed_and_no_more() -> None:
    rows = SqliteRows()
    last = 3 * event_spans.MAX_FORMER_NAMES
    for number in range(1, last + 1):
        rows.insert(
            "registered_model_names",
            name=f"n{number}",
            since=number,
            former_name=f"n{number - 1}",
            former_since=number - 1,
        )
    found: Sequence[Span] = await spans_of(rows, f"registered-model/n{last}")
    streams = {stream for span in found for stream in span.streams}
    assert streams == {f"registered-model/n{number}" for number in range(2 * event_spans.MAX_FORMER_NAMES, last + 1)}
    await rows.close()


def test_only_registered_models_have_former_names() -> None:
    assert is_of_a_registered_model("registered-model/a")
    assert not is_of_a_registered_model("run/a")
    assert not is_of_a_registered_model("")
    assert spans("a", []) == ()
