"""No request, however written, reaches what is outside the root: every known trick on every route."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.unit.artifact_proxy.fortress import CANARY, HIDDEN_NAME, TRICKS, Fortress, besieged, check, requests_for
from tests.unit.artifact_proxy.serving import Served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    with besieged(tmp_path_factory.mktemp("fortress")) as fortress:
        yield fortress


@pytest.mark.parametrize("trick", TRICKS)
def test_no_known_trick_leads_out(fortress: Fortress, trick: str) -> None:
    fortress.rebuild_root()
    before = fortress.outside()
    for request, answer in requests_for(fortress.server, TRICKS[trick].replace("{base}", str(fortress.base))):
        check(fortress, before, request, answer)
        fortress.rebuild_root()


@pytest.mark.parametrize(
    "location",
    [
        *("{base}/outside", "file://{base}/outside", "{base}/root/../outside", "file://{base}/root/%2e%2e/outside"),
        *("{base}/root/out", "file://{base}/root/up/outside", "{base}/root2", "{base}", "/"),
        *(
            "mlflow-artifacts:/../outside",
            "mlflow-artifacts:/%2e%2e/outside",
            "mlflow-artifacts:/out",
            "mlflow-artifacts:/up",
        ),
        *("http://localhost/api/2.0/mlflow-artifacts/artifacts/../outside", "mlflow-artifacts://..//../outside"),
    ],
)
def test_no_location_a_client_can_give_an_experiment_or_a_version_leads_out(fortress: Fortress, location: str) -> None:
    fortress.rebuild_root()
    before = fortress.outside()
    for owner in ("evil", "evil/1"):
        fortress.server.run_roots[owner] = location.replace("{base}", str(fortress.base))
    for path in (HIDDEN_NAME, f"outside/{HIDDEN_NAME}", f"../outside/{HIDDEN_NAME}", ""):
        for route in (
            "/get-artifact?run_id=evil",
            "/api/2.0/mlflow/artifacts/list?run_id=evil",
            "/model-versions/get-artifact?name=evil&version=1",
        ):
            target = f"{route}&path={quote(path)}"
            answer = fortress.server.ask("GET", target)
            assert CANARY not in answer.body
            assert b'"path"' not in answer.body, "a listing of something"
            assert answer.status < 500 or answer.status == 501
    assert fortress.outside() == before


def test_the_fortress_would_notice(fortress: Fortress) -> None:
    """What the tests above rely on: the canaries can be found where they are, and a change of them shows."""
    before = fortress.outside()
    assert sum(content == CANARY for _, content, _ in before) == 5
    (fortress.base / "outside" / "new").touch()
    assert fortress.outside() != before
    (fortress.base / "outside" / "new").unlink()
    server = Served(fortress.server.port, fortress.base, {})
    fortress.server.run_roots["inside"] = str(fortress.root)
    (fortress.root / HIDDEN_NAME).write_bytes(CANARY)
    assert CANARY in server.get_artifact("inside", HIDDEN_NAME).body
    (fortress.root / HIDDEN_NAME).unlink()
