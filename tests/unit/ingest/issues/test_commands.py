"""Commands about issues, on a log in memory."""

from typing import Any

import orjson
import pytest

from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.issues import CreateIssue, UpdateIssue
from tests.unit.ingest.doubles import ANN, Deployment


@pytest.fixture
async def deployment() -> Deployment:
    deployment = Deployment()
    await deployment.ingest.ensure_default_experiment()
    return deployment


async def create(deployment: Deployment, **given: Any) -> dict[str, Any]:
    command = CreateIssue(**{"experiment_id": "0", "name": "n", "description": "d", **given})
    return dict(orjson.loads(await deployment.ingest.issues.create(command, ANN, "q"))["issue"])


async def test_a_new_issue_is_pending_and_answered_in_mlflows_shape(deployment: Deployment) -> None:
    issue = await create(deployment, severity="high", root_causes=["a", "b"], categories=["c"], created_by="ann")
    assert issue.pop("issue_id").startswith("iss-")
    assert issue.pop("created_timestamp") == issue.pop("last_updated_timestamp")
    assert issue == {
        "experiment_id": "0",
        "name": "n",
        "description": "d",
        "status": "pending",
        "severity": "high",
        "root_causes": ["a", "b"],
        "created_by": "ann",
        "categories": ["c"],
    }


async def test_what_is_said_changes_and_the_rest_stays(deployment: Deployment) -> None:
    issue = await create(deployment, severity="low")
    update = UpdateIssue(issue_id=issue["issue_id"], status="resolved", name="m")
    changed = orjson.loads(await deployment.ingest.issues.update(update, ANN, "q"))["issue"]
    assert changed.pop("last_updated_timestamp") >= issue.pop("last_updated_timestamp")
    assert changed == issue | {"status": "resolved", "name": "m"}


async def test_what_is_no_issue_is_refused(deployment: Deployment) -> None:
    before = await deployment.count()
    for wrong in ({"status": "open"}, {"severity": "bad"}):
        with pytest.raises(InvalidParameterValue):
            await create(deployment, **wrong)
    for unknown in ({"source_run_id": "a" * 32}, {"experiment_id": "77"}):
        with pytest.raises(ResourceDoesNotExist):
            await create(deployment, **unknown)
    with pytest.raises(ResourceDoesNotExist, match="Issue with ID 'iss-1' not found"):
        await deployment.ingest.issues.update(UpdateIssue(issue_id="iss-1", name="m"), ANN, "q")
    assert await deployment.count() == before
