"""A push: what was logged offline comes to another server, once, whoever is killed meanwhile."""

import asyncio
import itertools
import sqlite3
import threading
import uuid
from collections.abc import Collection, Coroutine, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from event_log.memory_event_log import MemoryEventLog
from projector.compare import differences
from schemas.envelope import Actor, EventClock, EventData
from schemas.errors import TracklogError
from schemas.events import (
    AnyEvent,
    DatasetRecord,
    EvaluationDatasetCreated,
    EvaluationDatasetDeleted,
    EvaluationDatasetRecordsSet,
    EvaluationDatasetRecordsUpserted,
    EvaluationDatasetRestored,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentTagSet,
    IssueCreated,
    LabelSchemaCreated,
    MetricSeries,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionRestored,
    Param,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRestored,
    ReviewQueueCreated,
    ReviewQueueItemsAdded,
    RunCreated,
    RunDataLogged,
    RunUpdated,
    ScorerDeleted,
    ScorerRegistered,
    Span,
    Tag,
    TraceDeleted,
    TraceLinkedToRun,
    TraceSpansLogged,
    TraceStarted,
    Undo,
    WholeRecord,
    stream_of,
)
from schemas.forgotten import forgotten
from schemas.messages.experiments import UpdateExperiment
from schemas.messages.imports import ImportedEvent, ImportEvents
from schemas.rest.decode import decode_body
from tests.unit.ingest.doubles import ANN, Deployment, close_what_is_open
from tracklog.bringing.requests import Refused
from tracklog.pushing import derived
from tracklog.pushing.artifacts import stream_of_folder
from tracklog.pushing.central import Central
from tracklog.pushing.cursor import CursorFile
from tracklog.pushing.pushing import Push
from tracklog.pushing.report import Report

T = TypeVar("T")

ADA: Final = Actor("ada", "10.0.0.7", "python")
_ids = itertools.count(1)


class Killed(Exception):
    """The push ends here."""


class Server:
    """The other server: a deployment in a thread of its own, as a push asks it.

    `dies_at` are the numbers of the requests that bring events at which whoever pushes is killed: before the server has
    them where the number is even, else after it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, dies_at: Collection[int] = ()) -> None:
        self.forbidden = ""  # what may not be written to, by a word of the events
        self.dies_at = set(dies_at)
        self.sends = 0
        self.brought: list[str] = []
        self._loop = loop
        self.deployment = self.call(self._made())

    @staticmethod
    async def _made() -> Deployment:
        deployment = Deployment()
        deployment.ingest = deployment.another_process(clock=EventClock(lambda: 10**15))
        await deployment.ingest.ensure_default_experiment()
        return deployment

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def rows(self, sql: str, *parameters: object) -> list[Any]:
        self.call(self.deployment.ingest.known.catch_up())
        with closing(sqlite3.connect(self.deployment.projection.file)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def get(self, path: str, **query: str) -> Any:
        match path.rpartition("mlflow/")[2]:
            case "experiments/get":
                found = self.rows(
                    "SELECT experiment_id FROM experiments WHERE experiment_id = ?", query["experiment_id"]
                )
            case "experiments/get-by-name" if query["experiment_name"] == self.forbidden:
                raise Refused(403, "Permission denied")
            case "experiments/get-by-name":
                found = self.rows("SELECT experiment_id FROM experiments WHERE name = ?", query["experiment_name"])
            case "runs/get":
                found = self.rows("SELECT artifact_uri FROM runs WHERE run_id = ?", query["run_id"])
                params = self.rows(
                    "SELECT key, value FROM params JOIN runs USING (run_number) WHERE run_id = ?", query["run_id"]
                )
                if found:
                    data = {"params": [{"key": key, "value": value} for key, value in params]}
                    return {"run": {"info": {"artifact_uri": found[0][0]}, "data": data}}
            case _:
                raise AssertionError(path)
        if not found:
            raise Refused(404, "not there")
        return {"experiment": {"experiment_id": str(found[0][0])}}

    def send(self, method: str, path: str, body: bytes) -> Any:
        if path.endswith("experiments/search"):
            key = orjson.loads(body)["filter"].split("`")[1]
            found = self.rows("SELECT experiment_id FROM experiment_tags WHERE key = ?", key)
            return {"experiments": [{"experiment_id": str(one)} for (one,) in found]}
        self.sends += 1
        if self.sends in self.dies_at and self.sends % 2 == 0:
            raise Killed
        if self.forbidden and self.forbidden in body.decode():
            raise Refused(403, "Permission denied")
        message = decode_body(body, ImportEvents)
        try:
            answer = self.call(self.deployment.ingest.imports.bring_in(message, None, ANN, "push"))
        except TracklogError as error:
            raise Refused(error.status, error.message) from error
        self.brought += [one.id for one in message.events]
        if self.sends in self.dies_at:
            raise Killed
        return orjson.loads(answer)

    def upload(self, path: str, content: IO[bytes], size: int) -> None:
        raise AssertionError("no files")


@contextmanager
def servers(*dies_at: Collection[int]) -> Iterator[list[Server]]:
    """As many servers, in a thread of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield [Server(loop, one) for one in dies_at]
    finally:
        loop.call_soon_threadsafe(close_what_is_open)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def server() -> Iterator[Server]:
    with servers(()) as [one]:
        yield one


def recorded(*payloads: AnyEvent) -> list[EventData]:
    """Events that were logged one after the other."""
    events = []
    for payload in payloads:
        number = next(_ids)
        identity = (number << 80 | uuid.uuid4().int & (1 << 80) - 1).to_bytes(16, "big")
        events.append(EventData(identity, stream_of(payload), 1_000_000 * number, ADA, "there", payload))
    return events


def experiment(number: int, name: str) -> ExperimentCreated:
    return ExperimentCreated(experiment_id=number, name=name, artifact_location=f"mlflow-artifacts:/{number}")


def run(run_id: str, experiment_id: int = 1) -> RunCreated:
    location = f"mlflow-artifacts:/{experiment_id}/{run_id}/artifacts"
    return RunCreated(
        run_id=run_id, experiment_id=experiment_id, name="n", user_id="u", start_time_ms=1, artifact_uri=location
    )


def data(run_id: str, **params: str) -> RunDataLogged:
    series = MetricSeries("loss", [0.5, 0.25], [1, 2], [0, 1])
    return RunDataLogged(run_id=run_id, params=[Param(*one) for one in params.items()], metrics=[series])


async def log_of(events: Sequence[EventData]) -> MemoryEventLog:
    log = MemoryEventLog()
    for event in events:
        await log.append([event])
    return log


async def push(log: MemoryEventLog, there: Server, cursor: Path) -> Report:
    """Until it is not killed any more."""
    while True:
        report = Report("here", "there")
        central = Central(there, await log.identity())
        file = CursorFile(cursor, await log.identity(), "there")
        try:
            await Push(log, central, report, file, None, lambda _done, _all: None).run()
        except Killed:
            continue
        return report


@st.composite
def histories(draw: st.DrawFn, who: str) -> list[AnyEvent]:
    """What one laptop logs: runs of its own, in experiments that others may have too."""
    names = draw(st.lists(st.sampled_from(["train", "tune", "Default"]), min_size=1, max_size=3, unique=True))
    ids = {name: 0 if name == "Default" else number for number, name in enumerate(names, 1 if who == "a" else 5)}
    events: list[AnyEvent] = [experiment(number, name) for name, number in ids.items()]
    for number in range(draw(st.integers(1, 3))):
        run_id = uuid.uuid5(uuid.NAMESPACE_URL, f"{who}{number}").hex
        events.append(run(run_id, ids[draw(st.sampled_from(names))]))
        events.append(data(run_id, lr=str(number)))
        changes: list[AnyEvent] = [
            data(run_id, lr="other"),  # refused here and there
            RunUpdated(run_id=run_id, status="FINISHED", end_time_ms=9),
            RunDataLogged(run_id=run_id, tags=[Tag("t", who)]),
            ExperimentTagSet(experiment_id=ids[names[0]], key=who, value=str(number)),
            ExperimentDeleted(experiment_id=ids[names[-1]]),
        ]
        events += draw(st.lists(st.sampled_from(changes), max_size=4))
    return events + evaluated(who, ids[draw(st.sampled_from(names))])


def spans(trace_id: str, experiment_id: int, *numbers: int, text: str = "t") -> TraceSpansLogged:
    made = [Span(span_id=f"{number:016x}", name=text, start_ns=number, end_ns=number + 1) for number in numbers]
    return TraceSpansLogged(trace_id=trace_id, experiment_id=experiment_id, spans=made)


def evaluated(who: str, experiment_id: int) -> list[AnyEvent]:
    """A trace, and what people and judges have to say of it."""
    trace_id = f"tr-{who}"
    in_it: dict[str, Any] = {"experiment_id": experiment_id, "name": who}
    return [
        TraceStarted(trace_id=trace_id, experiment_id=experiment_id, request_time_ms=1, tags={"t": who}),
        spans(trace_id, experiment_id, 1, 2),
        TraceLinkedToRun(trace_id=trace_id, run_id=who),
        ScorerRegistered(**in_it, scorer_id=who, version_id=who, serialized_scorer="{}"),
        EvaluationDatasetCreated(dataset_id=who, name=who, experiment_ids=[experiment_id]),
        EvaluationDatasetRecordsUpserted(dataset_id=who, records=[DatasetRecord('{"q": 1}')]),
        IssueCreated(**in_it, issue_id=who, description="d"),
        LabelSchemaCreated(**in_it, schema_id=who, type="FEEDBACK", input="{}"),
        ReviewQueueCreated(**in_it, queue_id=who, queue_type="CUSTOM"),
        ReviewQueueItemsAdded(queue_id=who, item_ids=[trace_id]),
    ]


NOT_COMPARED: Final = {"refusals"}
"""By place in the log."""


@pytest.mark.slow
@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(histories("a"), histories("b"), st.sets(st.integers(1, 8), max_size=5), st.booleans())
def test_two_offline_histories_give_one_read_model_in_either_order_with_kills_between(
    a: list[AnyEvent], b: list[AnyEvent], dies_at: set[int], keeps_cursor: bool
) -> None:
    events_a, events_b = recorded(*a), recorded(*b)

    async def push_all(there: Server, folder: Path, *histories: list[EventData]) -> None:
        for number, history in enumerate(histories):
            log = await log_of(history[: len(history) // 2])
            await push(log, there, folder / f"{number if keeps_cursor else 'none'}")
            for event in history[len(history) // 2 :]:
                await log.append([event])
            await push(log, there, folder / f"{number if keeps_cursor else 'none'}")

    with servers((), dies_at) as [one, other]:
        folder = one.deployment.projection.file.parent
        asyncio.run(push_all(one, folder, events_a, events_b))
        asyncio.run(push_all(other, other.deployment.projection.file.parent, events_b, events_a))
        count = "SELECT count(*) FROM runs"
        assert (
            one.rows(count)
            == other.rows(count)
            == [(len({e.stream for e in events_a + events_b if e.payload.event_type == "run.created"}),)]
        )
        for table in (
            "traces",
            "scorers",
            "evaluation_dataset_records",
            "issues",
            "label_schemas",
            "review_queue_items",
        ):
            assert one.rows(f"SELECT count(*) FROM {table}") == [(2,)], table
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("ATTACH ? AS live", (str(one.deployment.projection.file),))
            connection.execute("ATTACH ? AS rebuilt", (str(other.deployment.projection.file),))
            assert [one for one in differences(connection, "live", "rebuilt") if one.table not in NOT_COMPARED] == []


async def test_what_was_forgotten_is_counted_and_not_sent(tmp_path: Path) -> None:
    log = await log_of(recorded(experiment(1, "train"), run("a" * 32), data("a" * 32), run("b" * 32)))
    for offset in (1, 2):
        event = log._events[0][offset]
        log._events[0][offset] = replace(event, payload=forgotten(event.payload))
    with server() as there:
        report = await push(log, there, tmp_path / "cursor")
        assert there.rows("SELECT run_id FROM runs") == [("b" * 32,)]
    assert (report.document()["events"]["forgotten"], report.notes) == (2, {})
    assert [line for line in report.lines() if "forgotten" in line] == [
        "2 events were forgotten here, and are not sent."
    ]


PARAMS: Final = "SELECT key, value FROM params ORDER BY key"
TAGS: Final = "SELECT key, value FROM tags WHERE key LIKE 'tracklog.push%'"
POINTS: Final = "SELECT points FROM latest_metrics"


async def test_a_param_that_conflicts_is_reported_and_kept_in_a_tag_and_the_rest_of_its_event_holds(
    tmp_path: Path,
) -> None:
    common = recorded(experiment(1, "train"), run(RUN), RunDataLogged(run_id=RUN, params=[Param("seed", "0")]))
    mine, theirs = recorded(data(RUN, lr="1"), data(RUN, lr="2"))
    with server() as there:
        await push(await log_of([*common, mine]), there, tmp_path / "one")
        for _ in range(2):
            report = await push(await log_of([*common, theirs]), there, tmp_path / "other")
            assert report.notes["conflict"] == [f"param 'lr' of run {RUN} is '1' there, '2' here"]
            (tmp_path / "other").unlink(missing_ok=True)
            for file in tmp_path.iterdir():
                file.unlink()
        assert there.rows(PARAMS) == [("lr", "1"), ("seed", "0")]
        assert there.rows(TAGS) == [("tracklog.push.conflict.lr", "2")]
        assert there.rows(POINTS) == [(4,)]


async def test_what_was_refused_offline_is_no_conflict(tmp_path: Path) -> None:
    with server() as there:
        report = await push(
            await log_of(recorded(experiment(1, "train"), run(RUN), data(RUN, lr="1"), data(RUN, lr="2"))),
            there,
            tmp_path / "c",
        )
        assert report.notes == {}
        assert (there.rows(POINTS), there.rows(TAGS)) == ([(2,)], [])


async def test_an_experiment_that_was_there_is_joined_and_stays_so_when_it_is_renamed(tmp_path: Path) -> None:
    first, second = "1" * 32, "2" * 32
    with server() as there:
        created = recorded(experiment(9, "train"))
        command = ImportEvents(source="s", events=[_message(one) for one in created])
        there.call(there.deployment.ingest.imports.bring_in(command, None, ANN, "q"))
        log = await log_of(recorded(experiment(1, "train"), run(first)))
        assert (await push(log, there, tmp_path / "c")).notes["joined"] == ["experiment 'train' is experiment 9 there"]
        rename = UpdateExperiment(experiment_id="9", new_name="tuned")
        there.call(there.deployment.ingest.experiments.rename(rename, ANN, "q"))
        await log.append(recorded(run(second)))
        await push(log, there, tmp_path / "c")
        assert there.rows("SELECT DISTINCT experiment_id FROM runs") == [(9,)]


async def test_versions_get_the_next_numbers_and_an_alias_of_a_model_that_was_there_stays(tmp_path: Path) -> None:
    def registry(who: str) -> list[EventData]:
        return recorded(
            RegisteredModelCreated(name="m", registered_model_id=who),
            ModelVersionCreated(name="m", version_id=who, source="s", storage_location="s"),
            RegisteredModelAliasSet(name="m", alias="champion", version=1),
        )

    with server() as there:
        await push(await log_of(registry("a")), there, tmp_path / "a")
        other = registry("b")
        for _ in range(2):
            report = await push(await log_of(other), there, tmp_path / "b")
            assert report.notes["renumbered"] == ["version 1 of registered model 'm' is 2 there"]
        assert there.rows("SELECT version_id, version FROM model_versions ORDER BY version") == [("a", 1), ("b", 2)]
        assert there.rows("SELECT version_id FROM registered_model_aliases") == [("a",)]


async def test_a_dataset_that_is_restored_here_is_restored_there(tmp_path: Path) -> None:
    record = WholeRecord(record_id="dr-1", inputs='{"q":1}', created_time_ms=1, last_update_time_ms=1)
    undo = Undo([str(uuid.UUID(int=7))], {"experiments.1": None})
    log = await log_of(
        recorded(
            ExperimentCreated(experiment_id=1, name="e", artifact_location=""),
            EvaluationDatasetCreated(dataset_id="d", name="d", experiment_ids=[1]),
            EvaluationDatasetDeleted(dataset_id="d"),
            EvaluationDatasetRestored(dataset_id="d", name="d", created_time_ms=1, experiment_ids=[1], undo=undo),
            EvaluationDatasetRecordsSet(dataset_id="d", records=[record]),
        )
    )
    with server() as there:
        report = await push(log, there, tmp_path / "a")
        assert report.notes == {}
        assert there.rows("SELECT dataset_id, record_count FROM evaluation_datasets") == [("d", 1)]
        [[experiment_id]] = there.rows("SELECT experiment_id FROM experiments WHERE name = 'e'")
        assert there.rows("SELECT experiment_id FROM evaluation_dataset_experiments") == [(experiment_id,)]


async def test_a_model_that_is_restored_here_was_never_deleted_there_and_goes_on(tmp_path: Path) -> None:
    def version(version_id: str) -> ModelVersionCreated:
        return ModelVersionCreated(name="m", version_id=version_id, source="s", storage_location="s")

    again = RegisteredModelRestored(name="m", registered_model_id="a", creation_time_ms=1, last_version=2)
    of_it = ModelVersionRestored(
        name="m",
        version=2,
        registered_model_id="a",
        version_id="v2",
        creation_time_ms=1,
        stage="None",
        source="s",
        storage_location="s",
    )
    log = await log_of(
        recorded(RegisteredModelCreated(name="m", registered_model_id="a"), version("v1"), version("v2"))
    )
    with server() as there:
        await push(log, there, tmp_path / "a")
        events = (ModelVersionDeleted(name="m", version=2), RegisteredModelDeleted(name="m"), again, of_it)
        for event in recorded(*events, version("v3")):
            await log.append([event])
        report = await push(log, there, tmp_path / "a")
        assert report.notes["left"] == [
            "registered model 'm' was deleted here; there it stays",
            "registered model 'm' has version 2 again here; there version 2 stays gone",
        ]
        versions = there.rows("SELECT version_id, version FROM model_versions ORDER BY version")
        assert versions == [("v1", 1), ("v3", 3)]


async def test_spans_that_are_too_many_for_a_request_come_in_pieces_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracklog.pushing.spans.MAX_VALUES", 60)
    trace_id = "tr-1"
    [created] = recorded(experiment(1, "train"))
    log = await log_of([created, *recorded(spans(trace_id, 1, *range(1, 20)), spans(trace_id, 1, 20))])
    with server() as there:
        for new in (5, 0):
            report = await push(log, there, tmp_path / "c")
            assert (report.new, report.notes) == (new, {})
            assert there.rows("SELECT span_count FROM traces") == [(20,)]
            (path,) = tmp_path.iterdir()
            path.unlink()
        starts = there.rows("SELECT start_ns FROM spans ORDER BY ordinal")
        assert starts == [(number,) for number in range(1, 21)]


async def test_a_trace_goes_where_it_was_pushed_to_and_a_scorer_stays(tmp_path: Path) -> None:
    trace = TraceStarted(trace_id="tr-1", experiment_id=1, request_time_ms=1)
    scorer = ScorerRegistered(experiment_id=1, name="s", scorer_id="s", version_id="v", serialized_scorer="{}")
    log = await log_of(recorded(experiment(1, "train"), trace, scorer))
    with server() as there:
        await push(log, there, tmp_path / "c")
        gone = TraceDeleted(trace_id="tr-1")
        never_there = TraceDeleted(trace_id="tr-2")
        for event in recorded(gone, never_there, ScorerDeleted(experiment_id=1, name="s", version=1)):
            await log.append([event])
        report = await push(log, there, tmp_path / "c")
        assert report.notes == {"left": ["of the scorer 's' something was deleted here; there it stays"]}
        assert (there.rows("SELECT count(*) FROM traces"), there.rows("SELECT name FROM scorers")) == ([(0,)], [("s",)])


async def test_what_is_not_allowed_is_said_and_comes_when_it_is(tmp_path: Path) -> None:
    mine, theirs, hidden = "1" * 32, "2" * 32, "3" * 32
    log = await log_of(
        recorded(
            *(experiment(1, "train"), experiment(2, "hidden"), run(theirs), run(mine), run(hidden, 2)),
            *(data(theirs, lr="1"), data(mine, lr="1"), data(hidden, lr="1")),
        )
    )
    with server() as there:
        there.forbidden = theirs
        report = await push(log, there, tmp_path / "c")
        assert report.notes == {
            "not allowed": [f"run.created of run/{theirs}, and what comes after it: Permission denied"]
        }
        there.forbidden = "hidden"
        await push(log, there, tmp_path / "c")
        assert there.rows("SELECT count(*) FROM runs") == [(3,)]
    with server() as there:
        there.forbidden = "hidden"
        report = await push(log, there, tmp_path / "d")
        assert report.counts == {"not allowed": 1}
        assert "may not read it" in report.notes["not allowed"][0]
        assert there.rows("SELECT run_id FROM runs ORDER BY run_id") == [(mine,), (theirs,)]
        there.forbidden = ""
        await push(log, there, tmp_path / "d")
        assert there.rows("SELECT count(*) FROM params") == [(3,)]


async def test_only_what_is_new_is_sent_later(tmp_path: Path) -> None:
    with server() as there:
        log = await log_of(recorded(experiment(1, "train"), run(RUN), data(RUN, lr="1")))
        await push(log, there, tmp_path / "c")
        there.brought.clear()
        [late] = recorded(RunUpdated(run_id=RUN, status="FAILED"))
        await log.append([late])
        report = await push(log, there, tmp_path / "c")
        assert (report.sent, report.new) == (1, 1)
        assert there.brought[-1] == str(uuid.UUID(bytes=late.id))


async def test_a_server_that_lost_what_was_pushed_gets_it_again(tmp_path: Path) -> None:
    log = await log_of(recorded(experiment(1, "train"), run(RUN), data(RUN, lr="1")))
    for _ in range(2):
        with server() as there:
            await push(log, there, tmp_path / "c")
            assert there.rows(PARAMS) == [("lr", "1")]


RUN: Final = "a" * 32


def _message(event: EventData) -> ImportedEvent:
    return ImportedEvent(
        id=str(uuid.UUID(bytes=event.id)),
        type=event.payload.event_type,
        version=event.payload.event_version,
        time="2026-11-29T00:00Z",
        data=orjson.loads(orjson.dumps({"experiment_id": 9, "name": "train", "artifact_location": "l"})),
    )


def test_an_id_that_is_made_is_a_uuid_of_the_time_of_the_other() -> None:
    made = uuid.UUID(derived.event_id("01a227be-132c-769d-915f-0be723e8b906", "tag"))
    assert (made.version, made.hex[:12]) == (7, "01a227be132c")
    assert made != uuid.UUID(derived.event_id("01a227be-132c-769d-915f-0be723e8b906", "mark"))


@pytest.mark.parametrize(
    ("folder", "stream"),
    [("1/a", "run/a"), ("1/models/m-a", "logged-model/m-a"), ("1/traces/tr-a", "trace/tr-a"), ("odd", "run/odd")],
)
def test_a_folder_of_artifacts_is_of_one_stream(folder: str, stream: str) -> None:
    assert stream_of_folder(folder) == stream
