"""Who may read the history: auditors, and whoever manages what it is about; for as long as they may."""

import json
import threading
import urllib.request

import pytest

from tests.eventually import AT_MOST_S
from tests.integration.test_rights import fresh, name_of, told
from tests.integration.test_users import Asking, admin, new_user, server
from tests.tracklog_server import TracklogServer

__all__ = ["admin", "server"]

HISTORY = "/api/tracklog/v1/history"
ALL_OF_IT = {"resource_type": "history", "resource_id": "*"}


@pytest.fixture
def ada(server: TracklogServer, admin: Asking) -> Asking:
    return new_user(admin, server, fresh("ada"))


def grant(admin: Asking, user: Asking) -> None:
    told(admin, "POST", "users/permissions/grant", {"username": name_of(user), **ALL_OF_IT, "permission": "READ"})


def test_whoever_creates_an_experiment_reads_its_history_and_no_other(
    server: TracklogServer, admin: Asking, ada: Asking
) -> None:
    experiment_id = ada.mlflow("POST", "experiments/create", {"name": fresh("e")})[1]["experiment_id"]
    status, page = ada.ask("GET", f"{HISTORY}?experiment_id={experiment_id}")
    assert (status, page["events"][-1]["type"]) == (200, "experiment.created")
    others = (f"stream=user/{name_of(ada)}", "experiment_id=0")
    assert [ada.ask("GET", f"{HISTORY}?{query}")[0] for query in others] == [403] * 2
    admin.mlflow("POST", "experiments/create", {"name": fresh("e")})
    status, listed = ada.ask("GET", HISTORY)
    assert (status, listed["is_last"], listed["events"]) == (200, True, page["events"])
    assert len(admin.ask("GET", HISTORY)[1]["events"]) > len(page["events"])
    request = urllib.request.Request(f"{server.url}{HISTORY}/stream", headers=ada.headers)
    with urllib.request.urlopen(request, timeout=60) as stream:
        for who, of in ((admin, "0"), (ada, experiment_id)):
            tag = {"experiment_id": of, "key": "k", "value": "v"}
            assert who.mlflow("POST", "experiments/set-experiment-tag", tag)[0] == 200
        heard = next(json.loads(line.removeprefix(b"data: ")) for line in stream if line.startswith(b"data: "))
    assert heard["stream"] == f"experiment/{experiment_id}"
    told(admin, "POST", "users/permissions/grant", {"username": name_of(ada), **ALL_OF_IT, "permission": "DENY"})
    assert ada.ask("GET", HISTORY)[0] == 403


def test_an_auditor_reads_everything_and_is_cut_within_a_second_of_losing_the_right(
    server: TracklogServer, admin: Asking, ada: Asking
) -> None:
    grant(admin, ada)
    assert ada.ask("GET", HISTORY)[1]["events"] != []
    assert ada.ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")[0] == 403
    request = urllib.request.Request(f"{server.url}{HISTORY}/stream", headers=ada.headers)
    ended = threading.Event()
    with urllib.request.urlopen(request, timeout=60) as stream:

        def read() -> None:
            stream.read()
            ended.set()

        reading = threading.Thread(target=read)
        reading.start()
        assert not ended.wait(1.5)
        told(admin, "POST", "users/permissions/revoke", {"username": name_of(ada), **ALL_OF_IT})
        assert ended.wait(AT_MOST_S)
        reading.join()
    assert ada.ask("GET", HISTORY)[1]["events"] == []
