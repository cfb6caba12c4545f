"""A running Tracklog as a target: its history says what is there, and its route takes events once."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from event_log.memory_event_log import MemoryEventLog
from schemas import codec
from schemas.envelope import PARTITION
from schemas.event_json import event_json
from schemas.events import AnyEvent, ExperimentCreated
from tests.unit.tracklog.moving.imports import RecordsStore, counts, events_in, imported
from tests.unit.tracklog.moving.test_reviews import ISSUE
from tests.unit.tracklog.moving.test_translation import CREATED_ALREADY, EXPERIMENT, MODEL, POINTS, RUN, log_of
from tracklog.bringing import requests
from tracklog.moving.importing import Import
from tracklog.moving.records import ExperimentRecord, WebhookRecord
from tracklog.moving.report import Report
from tracklog.moving.rest_client import RestClient
from tracklog.moving.roots import Roots
from tracklog.moving.running_tracklog import RunningTracklog, takes
from tracklog.moving.stores import Store
from tracklog.moving.target import SHADOW

WEBHOOK = WebhookRecord(
    where="webhooks, w",
    webhook_id="w",
    name="w",
    description="",
    url="https://ci.example.com",
    events=[("MODEL_VERSION", "CREATED")],
    has_secret=False,
    creation_time_ms=1,
    last_update_time_ms=1,
)


class Server(RestClient):
    """A Tracklog whose log is `events`, each as its history answers it. Refuses events of `refused` types."""

    def __init__(self, events: list[dict[str, Any]], refused: str = "") -> None:
        super().__init__("http://tracklog.example.com", {})
        self.events = events
        self.requests: list[int] = []
        self._refused = refused

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        assert len(query.get("type", ())) <= 20, "as many as a history takes"
        wanted = query.get("request_id")
        found = [
            one
            for one in self.events
            if (one["type"] in query["type"] if wanted is None else one["request_id"] == wanted)
        ]
        start = int(query.get("cursor", 0))
        return {"events": found[start : start + 2], "next_cursor": str(start + 2), "is_last": start + 2 >= len(found)}

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        assert body is not None
        sent = json.loads(body)["events"]
        self.requests.append(len(sent))
        if any(one["type"] == self._refused for one in sent):
            return 400, b'{"message": "it is too long"}'
        known = {one["id"] for one in self.events}
        new = [one for one in sent if one["id"] not in known]
        self.events += [{**one, "stream": "s", "partition": 0, "offset": len(self.events)} for one in new]
        there = [one["id"] for one in sent if one["id"] in known]
        return 200, json.dumps({"there_ids": there, "refused": []}).encode()


async def served(*events: AnyEvent, refused: str = "") -> Server:
    log = await log_of(*events)
    return Server([json.loads(event_json(event)) for event in await log.read(PARTITION, 0, limit=100)], refused)


async def imported_to(server: Server, store: Store) -> Report:
    report = Report(str(store), "server", dry_run=False)
    log = RunningTracklog(server, report)
    await Import(
        store=store,
        target=log.look(),
        roots=Roots((), None),
        report=report,
        show=lambda *_: None,
        send=log.send,
        takes=takes,
    ).run()
    return report


STORE = RecordsStore(EXPERIMENT, RUN, POINTS, MODEL)


async def test_the_same_events_come_as_into_a_log_and_come_once() -> None:
    server = await served(CREATED_ALREADY)
    report = await imported_to(server, STORE)
    log: MemoryEventLog = await log_of(CREATED_ALREADY)
    await imported(STORE, log)
    payloads = [json.loads(codec.encode(event)) for event in await events_in(log)]
    assert [one["data"] for one in server.events] == payloads
    assert report.events == len(payloads) - 1

    again = await imported_to(server, STORE)
    assert (len(server.events), again.events) == (len(payloads), 0)
    assert {tally.new for tally in again.tallies.values()} == {0}
    assert counts(again) == counts(report)


async def test_what_was_there_is_not_new_though_the_rest_of_its_request_is() -> None:
    server = await served(CREATED_ALREADY)
    await imported_to(server, RecordsStore(EXPERIMENT, RUN))
    report = await imported_to(server, STORE)
    assert {kind: tally.new for kind, tally in report.tallies.items() if tally.new} == {
        "metric points": 2,
        "registered models": 1,
        "model versions": 1,
        "aliases": 1,
    }


async def test_a_store_whose_default_experiment_was_merged_is_known_again() -> None:
    server = await served(CREATED_ALREADY)
    default = RecordsStore(
        ExperimentRecord(where="0", key="0", experiment_id="0", name="mine", artifact_location="x", creation_time_ms=5)
    )
    await imported_to(server, default)
    before = len(server.events)
    again = await imported_to(server, default)
    assert (len(server.events), again.renamed) == (before, [])


async def test_what_a_shadow_brings_into_a_server_no_import_brings_again() -> None:
    server = await served(CREATED_ALREADY)
    await imported_to(server, RecordsStore(EXPERIMENT, RUN))
    points = {**server.events[-1], "id": "0" * 32, "type": "run.data-logged", "request_id": SHADOW}
    server.events += [{**points, "version": 1, "data": {"run_id": "a"}}]
    there = len(server.events)
    issue = replace(ISSUE, experiment_key="3")
    report = await imported_to(server, RecordsStore(replace(EXPERIMENT, name="renamed"), RUN, POINTS, MODEL, issue))
    assert [one["type"] for one in server.events[there:]] == ["issue.created"]
    assert (report.tally("issues").new, report.renamed) == (1, [])


async def test_names_that_are_taken_there_are_found_in_its_history() -> None:
    taken = ExperimentCreated(experiment_id=3, name="iris", artifact_location="here")
    report = await imported_to(await served(CREATED_ALREADY, taken), STORE)
    assert [kind for kind, _, _ in report.renamed] == ["experiment", "experiment"]


async def test_an_event_that_the_server_refuses_is_left_and_all_others_come() -> None:
    server = await served(CREATED_ALREADY, refused="run.data-logged")
    report = await imported_to(server, STORE)
    assert [one["type"] for one in server.events if one["type"].startswith("run.")] == ["run.created", "run.updated"]
    assert (report.tally("params").left, report.tally("metric points").left) == (1, 2)
    assert any("left: The server answers 400: it is too long" in what for _, _, what in report.oddities)


async def test_what_a_running_server_takes_from_nobody_is_left() -> None:
    report = await imported_to(await served(CREATED_ALREADY), RecordsStore(WEBHOOK))
    assert any("takes no webhook.created from elsewhere" in what for _, _, what in report.oddities)
    assert report.tally("webhooks").left == 1


async def test_requests_are_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "EVENTS_AT_ONCE", 2)
    server = await served(CREATED_ALREADY)
    await imported_to(server, STORE)
    assert max(server.requests) == 2
    assert sum(server.requests) == len(server.events) - 1
