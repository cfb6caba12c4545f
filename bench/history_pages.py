"""How long a page of the history takes in a long log: `python -m bench.history_pages --events 5000000 FOLDER`.

A log of so many events is made in FOLDER (or, with --postgresql or --kafka, there; with --start, in services started in
FOLDER), indexed, and asked for pages, one at a time and without HTTP, and for what an undo selects. It prints a line of
JSON for each question: how many milliseconds its answers took. A log that is there is asked as it is.

With --copies what was made is repeated so many times, which is much faster than making it.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.repeated_history import repeat
from bench.repeated_in_kafka import REQUESTS_BEGIN
from event_log.port import EventLog, EventLogReader
from ingest.undo.selection import Selection
from projector.history_worker import HistoryWorker
from query_api.history.request import wanted_without_renames
from query_api.history.search import History
from read_model.connections import ReadModelConnections
from read_model.history.port import HistoryIndex, HistoryIndexWriter
from read_model.history.segment import BLOCK_EVENTS
from schemas.envelope import Actor, EventClock, EventData, Positions
from schemas.errors import InvalidParameterValue, TemporarilyUnavailable
from schemas.events import AnyEvent, ExperimentCreated, MetricSeries, Param, RunCreated, RunDataLogged, RunUpdated, Tag
from schemas.messages.history import HistoryFilter
from schemas.postgresql import Connection
from tracklog.serving.indexed_event_finder import IndexedEventFinder

if TYPE_CHECKING:
    from event_log.kafka.settings import KafkaSettings

POINTS_OF_A_RUN: Final = 1000
AT_ONCE_RUNS: Final = 50
EXPERIMENTS: Final = 200
USERS: Final = 100
PAGES: Final = 100
DATABASE: Final = "history"
LIMIT: Final = 100
APPENDED_TOGETHER: Final = 2000
BATCH: Final = 50
RUNS_OF_A_COPY: Final = 1_000_000


def run_id(number: int) -> str:
    return f"{number:032x}"


def events_of(chance: random.Random) -> Iterator[AnyEvent]:
    """Without end: runs that log their points one after another, fifty at a time."""
    for number in range(EXPERIMENTS):
        yield ExperimentCreated(experiment_id=number, name=f"e{number}", artifact_location="x")
    for first in itertools.count(0, AT_ONCE_RUNS):
        group = range(first, first + AT_ONCE_RUNS)
        for one in group:
            experiment_id = one % EXPERIMENTS
            yield RunCreated(
                run_id=run_id(one), experiment_id=experiment_id, name="r", user_id="", start_time_ms=1, artifact_uri="x"
            )
            yield RunDataLogged(run_id=run_id(one), params=[Param("lr", str(one))], tags=[Tag("team", "a")])
        for step in range(POINTS_OF_A_RUN * AT_ONCE_RUNS):
            series = MetricSeries(key="loss", value=[0.5], timestamp_ms=[step], step=[step])
            yield RunDataLogged(run_id=run_id(chance.choice(group)), metrics=[series])
        for one in group:
            yield RunUpdated(run_id=run_id(one), status="FINISHED")


def request_id(number: int) -> str:
    return f"{REQUESTS_BEGIN}{number:06d}"


async def fill(log: EventLog, events: int, *, whole_blocks: bool) -> None:
    """In several partitions, of which a page reads here and there, batches are as those of a busy server.

    With `whole_blocks` some more are made, until each partition is some blocks of the index.
    """
    clock = EventClock()
    batches: dict[int, list[EventData]] = {}
    together = APPENDED_TOGETHER if len(await log.partitions()) == 1 else len(await log.partitions()) * BATCH
    for number, event in enumerate(itertools.islice(events_of(random.Random(7)), events)):
        user = f"user{zlib.crc32(event.stream_key.encode()) % USERS}"
        stamped = clock.stamp(event, Actor(user), request_id(number))
        batches.setdefault(log.partition_of(stamped.ordering_unit), []).append(stamped)
        if (number + 1) % together == 0:
            await asyncio.gather(*map(log.append, batches.values()))
            batches.clear()
    await asyncio.gather(*map(log.append, batches.values()))
    if whole_blocks:
        await asyncio.gather(
            *(_fill_up(log, clock, partition, end, events) for partition, end in (await log.end()).items())
        )


async def _fill_up(log: EventLog, clock: EventClock, partition: int, end: int, first_request: int) -> None:
    series = MetricSeries(key="loss", value=[0.5], timestamp_ms=[0], step=[0])
    points = (RunDataLogged(run_id=run_id(one), metrics=[series]) for one in itertools.count())
    stamped = (clock.stamp(point, Actor("user0"), request_id(0)) for point in points)
    one = next(one for one in stamped if log.partition_of(one.ordering_unit) == partition)
    first = first_request + partition * BLOCK_EVENTS
    missing = [clock.stamp(one.payload, one.actor, request_id(first + nth)) for nth in range(-end % BLOCK_EVENTS)]
    for first in range(0, len(missing), BATCH):
        await log.append(missing[first : first + BATCH])


def renamed(stream: str, copy: int) -> str:
    """The stream of a run in a copy of what it is in: the first copies have the next numbers."""
    kind, _, key = stream.partition("/")
    return f"run/{run_id(int(key, 16) + copy * RUNS_OF_A_COPY)}" if kind == "run" else f"{kind}/{key}-{copy}"


async def index_all(writer: HistoryIndexWriter, index: HistoryIndex, log: EventLogReader) -> float:
    """Seconds of processor time an event."""
    end = dict(await log.end())

    async def open_log() -> EventLogReader:
        return _Kept(log)  # type: ignore[return-value]

    worker = HistoryWorker(writer, open_log, lambda: end, linger_s=0.0)
    began = time.process_time()
    task = asyncio.create_task(worker.run())
    while True:
        await asyncio.sleep(0.2)
        with contextlib.suppress(TemporarilyUnavailable):
            if await index.wait_until(end, 0.0):
                break
    took = time.process_time() - began
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return took / sum(end.values())


class _Kept:
    """A log that stays open when the worker closes it."""

    def __init__(self, log: EventLogReader) -> None:
        self._log = log

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    async def close(self) -> None:
        pass


def questions(
    chance: random.Random, runs: Sequence[str], requests: Sequence[str], times_ms: tuple[int, int]
) -> dict[str, HistoryFilter]:
    """`times_ms`: those of the first and the last event."""
    one, since_ms = chance.choice(runs), chance.randint(*times_ms)
    return {
        "everything": HistoryFilter(),
        "a run": HistoryFilter(run_id=one),
        "an experiment": HistoryFilter(experiment_id=str(chance.randrange(EXPERIMENTS))),
        "a user": HistoryFilter(actor=f"user{chance.randrange(USERS)}"),
        "a type": HistoryFilter(type=["run.updated"]),
        "a type of a user": HistoryFilter(type=["run.created"], actor=f"user{chance.randrange(USERS)}"),
        "a request": HistoryFilter(request_id=chance.choice(requests)),
        "a param": HistoryFilter(field="params.lr"),
        "a value of a param": HistoryFilter(field="params.lr", value=str(int(one[-8:], 16) % RUNS_OF_A_COPY)),
        "a second": HistoryFilter(since=str(since_ms), until=str(since_ms + 1000)),
        "a user from a moment on": HistoryFilter(actor=f"user{chance.randrange(USERS)}", since=str(since_ms)),
        "a param of a run": HistoryFilter(field="params.lr", run_id=one),
    }


async def measure(
    history: History, runs: Sequence[str], requests: Sequence[str], times_ms: tuple[int, int], pages: int
) -> None:
    chance = random.Random(11)
    took: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    cursors: dict[tuple[str, bool], str] = {}
    for number in range(pages):
        for name, asked in questions(chance, runs, requests, times_ms).items():
            newest_first = number % 2 == 0
            goes_on = name in ("everything", "a type", "a param")
            cursor = cursors.get((name, newest_first), "") if goes_on else ""
            began, cpu_began = time.perf_counter(), time.process_time()
            page = await history.page(
                wanted_without_renames(asked), newest_first=newest_first, limit=LIMIT, cursor=cursor
            )
            took.setdefault(name, []).append((time.perf_counter() - began) * 1000)
            cpu.setdefault(name, []).append((time.process_time() - cpu_began) * 1000)
            cursors[name, newest_first] = "" if page.is_last else page.cursor
    for name, all_ms in took.items():
        all_ms.sort()
        print(
            json.dumps(
                {
                    "question": name,
                    "p50_ms": round(all_ms[len(all_ms) // 2], 2),
                    "p95_ms": round(all_ms[int(len(all_ms) * 0.95)], 2),
                    "max_ms": round(all_ms[-1], 2),
                    "p95_cpu_ms": round(sorted(cpu[name])[int(len(all_ms) * 0.95)], 2),
                }
            ),
            flush=True,
        )


async def measure_finding(log: EventLogReader, index: HistoryIndex, ends: Positions, pages: int) -> None:
    """What an undo selects: a request, one event by its id, and what somebody did within a tenth of a second.

    It is of events before `ends`.
    """
    chance = random.Random(13)
    finder = IndexedEventFinder(log, index)
    took: dict[str, list[float]] = {}
    for _ in range(pages // 2):
        partition = chance.choice(list(ends))
        [known] = await log.read(partition, chance.randrange(ends[partition]), limit=1)
        for name, selection in {
            "what an undo selects: a request": Selection(request_id=known.request_id),
            "one event by its id": Selection(event_id=known.id),
            "what a user did in a tenth of a second": Selection(
                actor=known.actor.user, since_us=known.time_us - 50_000, until_us=known.time_us + 50_000
            ),
        }.items():
            began = time.perf_counter()
            try:
                found = await finder.find(selection)
            except InvalidParameterValue:
                continue  # more than an undo may select: the log was made too fast
            took.setdefault(name, []).append((time.perf_counter() - began) * 1000)
            assert known in found, (name, known)
    for name, all_ms in took.items():
        all_ms.sort()
        p50, p95 = (round(all_ms[int(len(all_ms) * part)], 2) for part in (0.5, 0.95))
        print(json.dumps({"question": name, "p50_ms": p50, "p95_ms": p95, "max_ms": round(all_ms[-1], 2)}), flush=True)


@contextlib.contextmanager
def started(arguments: argparse.Namespace) -> Iterator[None]:
    """PostgreSQL, and Kafka for its log, for as long as the measurement lasts."""
    from tests.services.kafka import Kafka
    from tests.services.postgresql import Postgresql, execute

    folder = Path(arguments.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        postgresql = stack.enter_context(Postgresql(folder / "postgresql"))
        with contextlib.suppress(Exception):  # it is there from the time before
            execute(postgresql.url, f"CREATE DATABASE {DATABASE}")
        arguments.postgresql = postgresql.url_of(DATABASE)
        if arguments.start == "kafka":
            arguments.kafka = f"{stack.enter_context(Kafka(folder / 'kafka')).bootstrap}/{DATABASE}"
        yield


async def main(arguments: argparse.Namespace) -> None:
    log, writer, index = await opened(arguments)
    is_there = any((await log.end()).values())
    if not is_there:
        began = time.time()
        await fill(log, arguments.events, whole_blocks=bool(arguments.copies))
        print(json.dumps({"filled_s": round(time.time() - began, 1)}), flush=True)
    per_event_s = await index_all(writer, index, log)
    if arguments.copies and not is_there:
        began = time.time()
        log, index = await repeated(arguments, log, index)
        print(json.dumps({"repeated_s": round(time.time() - began, 1)}), flush=True)
    end = await log.end()
    events = sum(end.values())
    print(json.dumps({"events": events, "indexing_us_of_cpu_an_event": round(per_event_s * 1e6, 2)}), flush=True)
    runs: list[str] = []
    requests: list[str] = []
    for partition in await log.partitions():
        for offset in range(0, end[partition], max(1, events // 500)):
            for one in await log.read(partition, offset, limit=1):
                requests.append(one.request_id)
                if one.stream.startswith("run/"):
                    runs.append(one.stream.partition("/")[2])
    times_ms = await log.read(0, 0, limit=1), await log.read(0, end[0] - 1, limit=1)
    first_ms, last_ms = (one.time_us // 1000 for [one] in times_ms)
    await measure(History(log, index), runs, requests, (first_ms, last_ms), arguments.pages)
    # Events of copies have the ids of those that they are copies of.
    with_ids = {partition: offset // (arguments.copies + 1) for partition, offset in end.items()}
    await measure_finding(log, index, with_ids, arguments.pages)
    await index.close()
    await log.close()


async def repeated(arguments: argparse.Namespace, log: EventLog, index: HistoryIndex) -> tuple[EventLog, HistoryIndex]:
    """The log and the index, once they were repeated."""
    ends = await log.end()
    if arguments.kafka:
        from bench.repeated_in_kafka import repeat_in_kafka

        await repeat_in_kafka(kafka_settings(arguments), log, arguments.postgresql, arguments.copies, ends)
    await index.close()
    await log.close()
    if not arguments.postgresql:
        await asyncio.to_thread(repeat, Path(arguments.folder), arguments.copies, renamed)
    elif not arguments.kafka:
        from bench.repeated_in_postgresql import repeat_in_postgresql

        await repeat_in_postgresql(arguments.postgresql, arguments.copies, renamed)
    log, _, index = await opened(arguments)
    return log, index


def kafka_settings(arguments: argparse.Namespace) -> "KafkaSettings":
    from event_log.kafka.settings import KafkaSettings

    bootstrap, _, topic = arguments.kafka.partition("/")
    return KafkaSettings(bootstrap=bootstrap.split(","), topic=topic)


async def opened(arguments: argparse.Namespace) -> tuple[EventLog, HistoryIndexWriter, HistoryIndex]:
    if arguments.postgresql:
        from event_log.postgresql.event_log import open_postgresql_log
        from read_model.history.postgresql import PostgresqlHistoryIndex, PostgresqlHistoryIndexWriter

        if arguments.kafka:
            from event_log.kafka.event_log import open_kafka_log

            log: EventLog = await open_kafka_log(kafka_settings(arguments))
        else:
            log = await open_postgresql_log(arguments.postgresql)
        connections = await _connections(arguments.postgresql)
        return log, PostgresqlHistoryIndexWriter(arguments.postgresql), PostgresqlHistoryIndex(connections)
    from event_log.sqlite.event_log import SqliteEventLog
    from read_model.history.sqlite import SqliteHistoryIndex, SqliteHistoryIndexWriter

    folder = Path(arguments.folder)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    file = folder / "log.history"
    log = SqliteEventLog.open(folder / "log", ThreadPoolExecutor(1))
    return log, SqliteHistoryIndexWriter(file), SqliteHistoryIndex(file)


async def _connections(dsn: str) -> ReadModelConnections:
    from contextlib import asynccontextmanager

    import asyncpg

    async def keep_as_it_is(_connection: object) -> None:
        """As the server's connections, which are given back without a question to the database."""

    pool = await asyncpg.create_pool(dsn, min_size=2, max_size=4, reset=keep_as_it_is, server_settings={"jit": "off"})

    class Connections:
        @asynccontextmanager
        async def acquire(self) -> AsyncIterator[Connection]:
            async with pool.acquire() as connection:
                yield connection

    return Connections()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="where the log is made")
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--copies", type=int, default=0, help="how many times it is repeated")
    parser.add_argument("--pages", type=int, default=PAGES, help="of each question")
    parser.add_argument("--postgresql", help="a database in the place of files")
    parser.add_argument("--start", choices=("postgresql", "kafka"), help="start what is needed")
    parser.add_argument("--kafka", help="with it: HOST:PORT/TOPIC in the place of its log")
    arguments = parser.parse_args()
    with started(arguments) if arguments.start else contextlib.nullcontext():
        asyncio.run(main(arguments))
