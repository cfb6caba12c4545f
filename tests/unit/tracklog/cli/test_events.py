"""Rules of `tracklog events`."""

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from pyarrow import parquet

from event_log.port import EVERY_EVENT, EventFilter
from event_log.sqlite.event_log import SqliteEventLog, SqliteEventLogReader
from projector.sqlite_generations import ensure
from schemas.envelope import Actor, EventClock, EventData
from schemas.events import AnyEvent, ExperimentDeleted, ExperimentRestored
from tracklog.cli.commands import tracklog
from tracklog.cli.events import SETTLED_US, batches

ANN, BOB = Actor(user="ann"), Actor(user="bob")


def history() -> list[EventData]:
    """Four events, at 1, 2, 3 and 4 seconds after the epoch."""
    clock = EventClock()
    changes: list[tuple[AnyEvent, Actor]] = [
        (ExperimentDeleted(experiment_id=1), ANN),
        (ExperimentRestored(experiment_id=1), BOB),
        (ExperimentDeleted(experiment_id=2), ANN),
        (ExperimentDeleted(experiment_id=1), BOB),
    ]
    return [
        replace(clock.stamp(change, actor, "q"), time_us=(number + 1) * 1_000_000)
        for number, (change, actor) in enumerate(changes)
    ]


async def append(file: Path, events: list[EventData]) -> None:
    with ThreadPoolExecutor(1) as executor:
        log = SqliteEventLog.open(file, executor)
        for event in events:
            await log.append([event])
        await log.close()


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    file = tmp_path / "log.db"
    asyncio.run(append(file, history()))
    return file


def printed(log_file: Path, *arguments: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(tracklog, ["events", "--backend-store-uri", str(log_file), *arguments])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


def test_events_are_printed_in_order_a_line_each(log_file: Path) -> None:
    events = printed(log_file)
    assert [event["offset"] for event in events] == [0, 1, 2, 3]
    assert events[0]["type"] == "experiment.deleted"
    assert events[0]["stream"] == "experiment/1"
    assert events[0]["actor"]["user"] == "ann"
    assert events[0]["request_id"] == "q"
    assert events[0]["time"] == "1970-01-01T00:00:01.000000Z"
    assert events[0]["data"]["experiment_id"] == 1


@pytest.mark.parametrize(
    ("arguments", "offsets"),
    [
        (["--stream", "experiment/2"], [2]),
        (["--type", "experiment.restored"], [1]),
        (["--actor", "ann"], [0, 2]),
        (["--since", "1970-01-01T00:00:02Z"], [1, 2, 3]),
        (["--until", "1970-01-01T00:00:02+00:00"], [0]),
        (["--since", "2000", "--until", "4000"], [1, 2]),
        (["--since", "1970-01-01", "--until", "1970-01-01T00:00:02.5"], [0, 1]),
        (["--since", "1970-01-02"], []),
        (["--since", "1h"], []),
        (["--until", "1h"], [0, 1, 2, 3]),
        (["--limit", "2"], [0, 1]),
        (["--limit", "9"], [0, 1, 2, 3]),
        (["--actor", "bob", "--limit", "1"], [1]),
        (["--follow", "--limit", "3"], [0, 1, 2]),
        (["--actor", "bob", "--stream", "experiment/1", "--type", "experiment.deleted"], [3]),
        (["--actor", "nobody"], []),
    ],
)
def test_events_are_chosen_by_every_filter_at_once(log_file: Path, arguments: list[str], offsets: list[int]) -> None:
    assert [event["offset"] for event in printed(log_file, *arguments)] == offsets


@pytest.mark.slow
def test_events_are_one_file_of_parquet(log_file: Path) -> None:
    asked = ["events", "--backend-store-uri", str(log_file), "--format", "parquet", "--actor", "bob"]
    done = CliRunner().invoke(tracklog, asked)
    assert done.exit_code == 0, done.output
    table = parquet.read_table(pyarrow.BufferReader(done.stdout_bytes))
    assert table["offset"].to_pylist() == [event["offset"] for event in printed(log_file, "--actor", "bob")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--since", "yesterday"], "2h for two hours ago"),
        (["--until", "2026-13-01"], "--until '2026-13-01' is no time"),
        (["--since", "99999999999999999999"], "is no time"),
        (["--since", "2026-11-28", "--until", "2026-11-28T00:00Z"], "nothing between"),
        (["--type", "typo"], "run.created"),
        (["--stream", "runs/1"], "run/…"),
        (["--stream", "run/"], "run/…"),
        (["--format", "parquet", "--follow"], "--format parquet is one file"),
        (["--set-aside", "--limit", "1"], "leave the other conditions out"),
    ],
)
def test_a_condition_that_nothing_can_meet_is_refused_with_what_there_is(
    log_file: Path, arguments: list[str], told: str
) -> None:
    refused = CliRunner().invoke(tracklog, ["events", "--backend-store-uri", str(log_file), *arguments])
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert told in refused.output


def test_a_limit_is_one_or_more(log_file: Path) -> None:
    assert CliRunner().invoke(tracklog, ["events", "--backend-store-uri", str(log_file), "--limit", "0"]).exit_code == 2


def test_following_to_a_moment_that_is_past_ends_and_says_so(log_file: Path) -> None:
    done = CliRunner().invoke(
        tracklog, ["events", "--backend-store-uri", str(log_file), "--follow", "--until", "1970-01-01T00:00:03Z"]
    )
    assert done.exit_code == 0
    assert [json.loads(line)["offset"] for line in done.stdout.splitlines()] == [0, 1]
    assert done.stderr == "No more events can come before --until.\n"


def test_a_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    refused = CliRunner().invoke(tracklog, ["events", "--backend-store-uri", str(tmp_path / "none.db")])
    assert refused.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_file_is_refused_untouched(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    for command in ("events", "rebuild"):
        refused = CliRunner().invoke(tracklog, [command, "--backend-store-uri", str(file)])
        assert refused.exit_code == 2
        assert "not a Tracklog event log" in refused.output
    assert file.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


async def test_following_goes_on_with_what_is_appended_later(tmp_path: Path) -> None:
    file = tmp_path / "log.db"
    await append(file, history())
    log = SqliteEventLogReader(file)
    try:
        async with aclosing(batches(log, EventFilter(actor="ann"), follow=True)) as lines, asyncio.timeout(10):
            first = await anext(lines)
            assert [json.loads(line)["offset"] for line in first.splitlines()] == [0, 2]
            appending = asyncio.create_task(append(file, history()[:1]))
            second = await anext(lines)
            assert [json.loads(line)["offset"] for line in second.splitlines()] == [4]
            await appending
    finally:
        await log.close()


async def test_following_to_a_moment_goes_on_until_it_has_passed_for_sure(tmp_path: Path) -> None:
    file = tmp_path / "log.db"
    await append(file, history()[:2])
    log = SqliteEventLogReader(file)
    moments = iter([3_000_000, 3_000_000, 3_500_000 + SETTLED_US])
    wanted = EventFilter(until_us=3_500_000)
    found: list[int] = []
    async with aclosing(batches(log, wanted, follow=True, now_us=lambda: next(moments))) as lines, asyncio.timeout(30):
        async for text in lines:
            found += [json.loads(line)["offset"] for line in text.splitlines()]
            if len(found) == 2:
                await append(file, history()[2:])  # stamped before and after the moment, and both late
    await log.close()
    assert found == [0, 1, 2]


async def test_without_following_the_end_is_the_end(tmp_path: Path) -> None:
    file = tmp_path / "log.db"
    await append(file, history())
    log = SqliteEventLogReader(file)
    assert [len(text.splitlines()) async for text in batches(log, EVERY_EVENT, follow=False)] == [4]
    await log.close()


def set_aside(log_file: Path, *rows: tuple[object, ...]) -> None:
    read_model = ensure(log_file, "of no log", {})
    with closing(sqlite3.connect(read_model)) as connection:
        connection.executemany("INSERT INTO set_aside VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.commit()


def test_what_is_set_aside_is_listed_with_its_place_and_reason(log_file: Path) -> None:
    assert printed(log_file, "--set-aside") == []
    set_aside(log_file, (0, 3, "experiment/1", "id", "experiment.deleted", "its fold raised ValueError()"))
    assert printed(log_file, "--set-aside") == [
        {
            "partition": 0,
            "offset": 3,
            "stream": "experiment/1",
            "type": "experiment.deleted",
            "reason": "its fold raised ValueError()",
        }
    ]


@pytest.mark.parametrize("also", [["--follow"], ["--stream", "run/x"]])
def test_what_is_set_aside_is_listed_whole(log_file: Path, also: list[str]) -> None:
    refused = CliRunner().invoke(tracklog, ["events", "--backend-store-uri", str(log_file), "--set-aside", *also])
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)


def test_without_a_read_model_nobody_knows_what_is_set_aside() -> None:
    refused = CliRunner().invoke(tracklog, ["events", "--event-log", "kafka://127.0.0.1:1/t", "--set-aside"])
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert "--backend-store-uri" in refused.output


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--experiment", "1"), [0, 1, 3]),
        (("--experiment", "1", "--actor", "bob"), [1, 3]),
        (("--experiment", "2", "--type", "experiment.deleted"), [2]),
        (("--request", "q", "--limit", "2"), [0, 1]),
        (("--request", "other"), []),
        (("--field", "tags.team"), []),
    ],
)
def test_a_log_is_searched_without_an_index(tmp_path: Path, options: tuple[str, ...], found: list[int]) -> None:
    file = tmp_path / "log"

    async def write() -> None:
        log = SqliteEventLog.open(file, ThreadPoolExecutor(1))
        for event in history():
            await log.append([event])
        await log.close()

    asyncio.run(write())
    result = CliRunner().invoke(tracklog, ["events", "--backend-store-uri", f"sqlite:///{file}", *options])
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["offset"] for line in result.stdout.splitlines()] == found


def test_what_only_a_server_can_do_needs_one() -> None:
    result = CliRunner().invoke(tracklog, ["events", "--order", "newest"])
    assert (result.exit_code, "--order and --format csv are for --url" in result.output) == (2, True)
