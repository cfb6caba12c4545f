"""What was answered once is answered again as of then, byte for byte: by a header, and by a server of that moment.

TRACKLOG_PAST_STEPS says how many things are changed, one after the other.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import requests

from tests.eventually import wait_until
from tests.integration.test_rights import told
from tests.integration.test_users import OPTIONS, OTHER, PASSWORD, named, new_user
from tests.recorder import API, POSITION, Answer, Recorder
from tests.systems import shared_stores
from tests.tracklog_server import REPOSITORY, TracklogServer

STEPS = int(os.environ.get("TRACKLOG_PAST_STEPS", "0"))
SEED = int(os.environ.get("TRACKLOG_PAST_SEED", "16"))


def tracklog(environment: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tracklog", *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def check_by_server(
    recorder: Recorder, positions: str, folder: Path, stores: Sequence[str], environment: Mapping[str, str]
) -> None:
    """Ask a server of one moment for all that was answered then."""
    options = ("--as-of", positions, "--as-of-folder", str(folder / "as-of"))
    with TracklogServer(folder, stores=stores, environment=environment, options=options) as past:
        answers = [one for one in recorder.answers if one.positions == positions]
        assert recorder.different(past.url, answers, by_header=False) == []
        refused = requests.post(f"{past.url}{API}runs/create", json={"experiment_id": "0"}, timeout=30)
        assert (refused.status_code, refused.headers[POSITION]) == (403, positions)


def single(answers: Sequence[Answer]) -> list[Answer]:
    return [one for one in answers if one.is_of_one_thing]


def some_positions(answers: Sequence[Answer], count: int) -> list[str]:
    """Evenly spread, each once, and always the last."""
    all_positions = list(dict.fromkeys(one.positions for one in answers))
    return [all_positions[(number + 1) * len(all_positions) // count - 1] for number in range(count)]


def test_what_was_answered_is_answered_as_of_then(tmp_path: Path) -> None:
    """And across a rebuild."""
    with TracklogServer(tmp_path) as live:
        recorder = Recorder(live.url, SEED)
        recorder.play(STEPS or 80)
        assert 0 < recorder.refused < len(recorder.answers)
        assert recorder.undone > 0
        assert recorder.different(live.url, single(recorder.answers), by_header=True) == []
        stores = ("--backend-store-uri", f"sqlite:///{live.event_log_file}")
        for number, positions in enumerate(some_positions(recorder.answers, 3)):
            check_by_server(recorder, positions, tmp_path / str(number), stores, {})
        tracklog({}, "rebuild", *stores, "--no-progress")
        assert recorder.different(live.url, single(recorder.answers)[::10], by_header=True) == []


@pytest.mark.parametrize("log", ["postgresql", "kafka"])
def test_it_is_so_on_other_logs(log: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with (
        shared_stores(request, kafka=log == "kafka") as environment,
        TracklogServer(tmp_path, stores=(), environment=environment) as live,
    ):
        recorder = Recorder(live.url, SEED)
        recorder.play(STEPS or 25)
        assert recorder.different(live.url, single(recorder.answers), by_header=True) == []
        [positions] = some_positions(recorder.answers[: len(recorder.answers) // 2], 1)
        check_by_server(recorder, positions, tmp_path / "past", (), environment)


def test_with_users_it_is_for_who_may_read_the_whole_history_today(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    environment = {"TRACKLOG_ADMIN_PASSWORD_FILE": str(file)}
    with TracklogServer(tmp_path, options=OPTIONS, environment=environment) as live:
        admin = named(live, "admin", PASSWORD)
        wait_until(lambda: admin.mlflow("GET", "users/current")[0] == 200)
        ada = new_user(admin, live, "ada")
        ada.mlflow("POST", "experiments/create", {"name": "of then"})
        newest = admin.ask("GET", "/api/tracklog/v1/history?limit=1")[1]["events"][0]["offset"]
        ada.mlflow("POST", "experiments/update", {"experiment_id": "1", "new_name": "of now"})
        stores = ("--backend-store-uri", f"sqlite:///{live.event_log_file}")
        options = (*OPTIONS, "--as-of", f"0:{newest + 1}", "--as-of-folder", str(tmp_path / "as-of"))
        with TracklogServer(tmp_path / "past", stores=stores, options=options) as past:
            then = "experiments/get-by-name?experiment_name=of%20then"
            at_past = [named(past, "admin", PASSWORD), named(past, "ada", OTHER), named(past, "admin", OTHER)]
            assert [who.mlflow("GET", then)[0] for who in at_past] == [200, 403, 401]
            granted = {"username": "ada", "resource_type": "history", "resource_id": "*", "permission": "READ"}
            told(admin, "POST", "users/permissions/grant", granted)
            wait_until(lambda: at_past[1].mlflow("GET", then)[0] == 200)
            wanted = {"max_results": 5}
            assert len(at_past[1].mlflow("POST", "experiments/search", wanted)[1]["experiments"]) == 2
            assert at_past[0].mlflow("POST", "experiments/create", {"name": "x"})[0] == 403
