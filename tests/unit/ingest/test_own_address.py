"""The server's own address as the location of artifacts: believed as far as `--allowed-hosts` checks it."""

import pytest
from aiohttp.test_utils import TestClient

from ingest.routes import ingest_routes
from tests.unit.ingest.doubles import Deployment
from tests.web_server import WebServer
from tracklog.settings.process import WebSettings
from tracklog.web.app import create_app

ROUTE = "api/2.0/mlflow-artifacts/artifacts"
"""In an http(s) location."""


async def status_of(location: str, allowed_hosts: tuple[str, ...] | None, host: str) -> int:
    """The answer to the creation of an experiment at `location` by a client that calls the server `host`."""
    deployment = Deployment()
    await deployment.ingest.ensure_default_experiment()
    app = create_app(ingest_routes(deployment.ingest), WebSettings(allowed_hosts=allowed_hosts, access_log=False))
    async with TestClient(WebServer(app)) as client:
        answer = await client.post(
            "/api/2.0/mlflow/experiments/create",
            json={"name": "n", "artifact_location": location},
            headers={"Host": host},
        )
        return answer.status


@pytest.mark.parametrize(
    "location", [f"http://tracking.example:5000/{ROUTE}/x", "mlflow-artifacts://tracking.example/x"]
)
@pytest.mark.parametrize("allowed", ["tracking.example", "*.example"])
async def test_the_name_by_which_a_client_came_in_is_the_servers_own(location: str, allowed: str) -> None:
    assert await status_of(location, (allowed,), "tracking.example:5000") == 200
    assert await status_of(location, (allowed, "other.example"), "other.example:5000") == 400


async def test_where_every_name_is_let_in_none_is_believed() -> None:
    assert await status_of(f"http://evil.example/{ROUTE}/x", ("*",), "evil.example") == 400
    assert await status_of("mlflow-artifacts:/x", ("*",), "evil.example") == 200


async def test_a_name_that_is_not_let_in_gets_nowhere() -> None:
    assert await status_of(f"http://evil.example/{ROUTE}/x", None, "evil.example") == 403
    assert await status_of(f"http://localhost:5000/{ROUTE}/x", None, "localhost:5000") == 200
