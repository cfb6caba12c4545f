"""Who may read the history: auditors, and whoever manages what it is about; for as long as they may."""

import threading
import urllib.request

import pytest

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


def test_whoever_creates_an_experiment_reads_its_history_and_no_other(admin: Asking, ada: Asking) -> None:
    experiment_id = ada.mlflow("POST", "experiments/create", {"name": fresh("e")})[1]["experiment_id"]
    status, page = ada.ask("GET", f"{HISTORY}?experiment_id={experiment_id}")
    assert (status, page["events"][-1]["type"]) == (200, "experiment.created")
    assert [ada.ask("GET", f"{HISTORY}{query}")[0] for query in ("", "?experiment_id=0", "/stream")] == [403] * 3
    assert admin.ask("GET", HISTORY)[0] == 200


def test_an_auditor_reads_everything_and_is_cut_within_a_second_of_losing_the_right(
    server: TracklogServer, admin: Asking, ada: Asking
) -> None:
    grant(admin, ada)
    assert ada.ask("GET", HISTORY)[0] == 200
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
        assert ended.wait(30)
        reading.join()
    assert ada.ask("GET", HISTORY)[0] == 403
