"""What users who are no administrators may do, of every route and by every way to the same."""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from schemas.rest.route import Kind, Permission
from schemas.rest.rules import READ_ALL_HISTORY
from tests.eventually import wait_until
from tests.integration.test_users import OPTIONS, PASSWORD, Asking, named
from tests.systems import shared_stores
from tests.tracklog_server import TracklogServer
from tracklog.serving.route_catalog import built_routes
from tracklog.web.route_table import Endpoint, endpoints_of

ENDPOINTS: Final = endpoints_of(built_routes())
FOR_ADMINISTRATORS: Final = [one for one in ENDPOINTS if one.route.permission is Permission.ADMIN]
SEARCHES: Final = [
    one
    for one in ENDPOINTS
    if one.route.permission is Permission.SEEN and not any(part in one.path for part in ("/frames", "/online-configs"))
]
OF_RULES: Final = [
    one for one in ENDPOINTS if not isinstance(one.route.permission, Permission) and one.path != "/v1/traces"
]
OF_WHAT_IS_OWNED: Final = [
    one for one in OF_RULES if "/ajax-api" not in one.path and one.route.permission is not READ_ALL_HISTORY
]
SECRET: Final = "planted-name-of-something"


EMBEDDED: Final = pytest.mark.parametrize("accounts", ["embedded"], indirect=True)
"""Where every route is tried: what differs between databases is how grants are asked for, and the searches."""


class Owned(NamedTuple):
    """What one user has: an experiment, what is in it, and a registered model with a version."""

    experiment_id: str
    run_id: str
    model_id: str
    name: str
    dataset_id: str
    issue_id: str
    schema_id: str
    queue_id: str

    @property
    def trace_id(self) -> str:
        return f"tr-{self.run_id}"


class Accounts(NamedTuple):
    """Who asks: an administrator, the owner of everything, and somebody to whom nothing is granted."""

    server: TracklogServer
    admin: Asking
    owner: Asking
    other: Asking


@pytest.fixture(scope="module", params=["embedded", pytest.param("postgresql", marks=pytest.mark.service)])
def accounts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    folder = tmp_path_factory.mktemp("permissions")
    file = folder / "password"
    file.write_text(f"{PASSWORD}\n")
    environment = {"TRACKLOG_ADMIN_PASSWORD_FILE": str(file)}
    if request.param == "embedded":
        with TracklogServer(folder, options=OPTIONS, environment=environment) as server:
            yield accounts_of(server)
        return
    with shared_stores(request, kafka=False) as stores:
        settings = {**stores, **environment}
        with TracklogServer(folder, options=OPTIONS, environment=settings, stores=()) as server:
            yield accounts_of(server)


def accounts_of(server: TracklogServer) -> Accounts:
    admin = named(server, "admin", PASSWORD)
    wait_until(lambda: mlflow(admin, "GET", "users/current")[0] == 200)
    others = []
    for name in ("ada", "bob"):
        password = f"{name} has a long password"
        assert mlflow(admin, "POST", "users/create", {"username": name, "password": password})[0] == 200
        others.append(named(server, name, password))
    return Accounts(server, admin, *others)


def mlflow(who: Asking, method: str, path: str, body: Any = None, version: str = "2.0") -> tuple[int, Any]:
    return who.ask(method, f"/api/{version}/mlflow/{path}", body)


def made(who: Asking, method: str, path: str, body: Any, version: str = "2.0") -> Any:
    status, answer = mlflow(who, method, path, body, version)
    assert status == 200, (path, answer)
    return answer


@pytest.fixture(scope="module")
def owned(accounts: Accounts) -> Owned:
    return what_is_owned(accounts.owner, SECRET)


def what_is_owned(owner: Asking, name: str) -> Owned:
    experiment_id = made(owner, "POST", "experiments/create", {"name": name})["experiment_id"]
    run = made(owner, "POST", "runs/create", {"experiment_id": experiment_id, "run_name": name, "start_time": 1})
    run_id = run["run"]["info"]["run_id"]
    model = made(owner, "POST", "logged-models", {"experiment_id": experiment_id, "name": name})
    made(owner, "POST", "registered-models/create", {"name": name})
    source = f"mlflow-artifacts:/{experiment_id}/{run_id}/artifacts"
    made(owner, "POST", "model-versions/create", {"name": name, "source": source, "run_id": run_id})
    path = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts/a.txt"
    assert owner.ask("PUT", path, {"text": name})[0] == 200
    mine = Owned(experiment_id, run_id, model["model"]["info"]["model_id"], name, *("" for _ in range(4)))
    made(owner, "POST", "traces", {"trace": trace_of(mine)}, "3.0")
    made(owner, "POST", "scorers/register", {**in_it(mine), "serialized_scorer": "{}"}, "3.0")
    dataset = made(owner, "POST", "datasets/create", {"name": name, "experiment_ids": [experiment_id]}, "3.0")
    issue = made(owner, "POST", "issues", {**in_it(mine), "description": "d"}, "3.0")
    schema = made(owner, "POST", "label-schemas/create", {**in_it(mine), "type": "FEEDBACK", "input": TEXT}, "3.0")
    queue = made(owner, "POST", "review-queues/create", {**in_it(mine), "queue_type": "CUSTOM"}, "3.0")
    return mine._replace(
        dataset_id=dataset["dataset"]["dataset_id"],
        issue_id=issue["issue"]["issue_id"],
        schema_id=schema["label_schema"]["schema_id"],
        queue_id=queue["review_queue"]["queue_id"],
    )


TEXT: Final[dict[str, Any]] = {"text": {}}
"""The question of a label schema."""


def in_it(owned: Owned) -> dict[str, str]:
    return {"experiment_id": owned.experiment_id, "name": owned.name}


def trace_of(owned: Owned) -> dict[str, Any]:
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": owned.experiment_id}}
    times = {"request_time": "2026-01-01T00:00:00Z", "state": "OK"}
    return {"trace_info": {"trace_id": owned.trace_id, "trace_location": location, **times}}


OF_BODIES: Final = {"params", "tags", "models", "parts", "trace", "locations", "assessment", "aggregations"}
"""Fields that no query has."""


def request_of(endpoint: Endpoint, owned: Owned) -> tuple[str, Any]:
    """A path and a body with everything that any route asks for, all of it about what is owned."""
    fields: dict[str, Any] = {
        "run_id": owned.run_id,
        "run_uuid": owned.run_id,
        "experiment_id": owned.experiment_id,
        "experiment_ids": [owned.experiment_id],
        "experiment_name": owned.name,
        "run_ids": [owned.run_id],
        "metric_key": "m",
        "model_id": owned.model_id,
        "source_run_id": owned.run_id,
        "name": owned.name,
        "new_name": f"{owned.name}-2",
        "key": "k",
        "value": "1",
        "timestamp": 1,
        "status": "FINISHED",
        "version": "1",
        "stage": "Staging",
        "alias": "champion",
        "source": f"mlflow-artifacts:/{owned.experiment_id}/{owned.run_id}/artifacts",
        "model_json": "{}",
        "path": "a.txt",
        "artifact_file_path": "a.txt",
        "upload_id": "u",
        "part_number": 1,
        "username": "bob",
        "resource_type": "experiment",
        "resource_id": owned.experiment_id,
        "permission": "MANAGE",
        "params": [{"key": "k", "value": "v"}],
        "tags": [{"key": "k", "value": "v"}],
        "models": [{"model_id": owned.model_id}],
        "parts": [{"part_number": 1, "etag": "e"}],
        "reason": "r",
        "at": "0:0",
        "stream": f"run/{owned.run_id}",
        "trace": trace_of(owned),
        "trace_id": owned.trace_id,
        "request_id": owned.trace_id,
        "trace_ids": [owned.trace_id],
        "locations": [trace_of(owned)["trace_info"]["trace_location"]],
        "assessment": {"assessment_name": "a", "feedback": {"value": 1}},
        "update_mask": "rationale",
        "view_type": "TRACES",
        "metric_name": "trace_count",
        "aggregations": [{"aggregation_type": "COUNT"}],
        "filter_string1": "status = 'OK'",
        "filter_string2": "status = 'OK'",
        "prompt_versions": [{"name": owned.name, "version": "1"}],
        "records": '[{"inputs": {"a": 1}}]',
        "description": "d",
        "schema_id": owned.schema_id,
        "queue_id": owned.queue_id,
        "issue_id": owned.issue_id,
        "user": "bob",
        "item_id": owned.trace_id,
        "item_ids": [owned.trace_id],
        "serialized_scorer": "{}",
        "sample_rate": 0,
    }
    if "/mlflow/datasets/" in endpoint.path:
        fields["tags"] = '{"k": "v"}'
    below = f"{owned.experiment_id}/{owned.run_id}/artifacts/a.txt"
    values = {"run_id": owned.run_id, "model_id": owned.model_id, "tag_key": "k", "artifact_path": below}
    values |= {"trace_id": owned.trace_id, "request_id": owned.trace_id, "assessment_id": "a-1", "key": "k"}
    values |= {"dataset_id": owned.dataset_id, "issue_id": owned.issue_id}
    path = re.sub(r"\{(\w+)(:[^{}]*)?\}", lambda variable: values[variable[1]], endpoint.path)
    query = {name: value for name, value in fields.items() if name not in OF_BODIES}
    # What stands behind an artifact's path belongs to its name.
    is_name = any(part in endpoint.path for part in ("mlflow-artifacts/artifacts/", "mlflow-artifacts/presigned/"))
    if not is_name:
        if endpoint.path.endswith("mlflow-artifacts/artifacts"):
            query = {"path": below}
        path += "?" + urlencode(query, doseq=True)
    return path, None if endpoint.method == "GET" else fields


def template(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


@EMBEDDED
@pytest.mark.parametrize("endpoint", OF_RULES, ids=template)
def test_who_holds_nothing_is_refused(accounts: Accounts, owned: Owned, endpoint: Endpoint) -> None:
    path, body = request_of(endpoint, owned)
    status, answer = accounts.other.ask(endpoint.method, path, body)
    if endpoint.path.endswith(("experiments/create", "registered-models/create")):
        assert (status, answer["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
        return
    assert status == 403, answer
    assert "PERMISSION_DENIED" in json.dumps(answer)
    if endpoint.method == "GET":
        assert accounts.other.ask("HEAD", path)[0] == 403


@EMBEDDED
@pytest.mark.parametrize("endpoint", OF_RULES, ids=template)
def test_nobody_who_is_not_known_is_answered(accounts: Accounts, owned: Owned, endpoint: Endpoint) -> None:
    path, body = request_of(endpoint, owned)
    for spelled in (path, path.replace("/mlflow", "//mlflow", 1), path.replace("/mlflow", "/%6dlflow", 1)):
        assert Asking(accounts.server, None).ask(endpoint.method, spelled, body)[0] in (401, 404)


@EMBEDDED
@pytest.mark.parametrize("endpoint", FOR_ADMINISTRATORS, ids=template)
def test_what_is_for_administrators_is_refused_to_others(accounts: Accounts, endpoint: Endpoint) -> None:
    path = re.sub(r"\{(\w+)(:[^{}]*)?\}", "x", endpoint.path)
    body: Any = None if endpoint.method == "GET" else {}
    assert accounts.other.ask(endpoint.method, path, body)[0] == 403
    assert accounts.owner.ask(endpoint.method, path, body)[0] == 403


@EMBEDDED
def test_spans_are_taken_from_who_may_write_to_the_experiment(accounts: Accounts, owned: Owned) -> None:
    """A header names the experiment, as no other route does."""
    span = {"traceId": "01" * 16, "spanId": "02" * 8, "name": "s", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    statuses = [
        requests.post(
            f"{accounts.server.url}/v1/traces",
            json=body,
            headers={**headers, "x-mlflow-experiment-id": owned.experiment_id},
            timeout=60,
        ).status_code
        for headers in ({}, accounts.other.headers, accounts.owner.headers)
    ]
    assert statuses == [401, 403, 200]


@pytest.mark.parametrize("endpoint", SEARCHES, ids=template)
def test_a_search_tells_of_nothing_that_may_not_be_read(accounts: Accounts, owned: Owned, endpoint: Endpoint) -> None:
    if endpoint.path.endswith("/graphql"):
        return  # below
    body: dict[str, Any] | None = {"experiment_ids": [owned.experiment_id], "max_results": 100}
    path = endpoint.path
    if endpoint.method == "GET":
        path, body = f"{path}?max_results=100", None
    status, answer = accounts.other.ask(endpoint.method, path, body)
    assert status == 200
    assert not any(answer.values())
    status, answer = accounts.owner.ask(endpoint.method, path, body)
    assert status == 200
    assert SECRET in json.dumps(answer)


FIELDS: Final = {
    "mlflowGetExperiment": '(input: {experimentId: "%(experiment_id)s"}) { experiment { name } }',
    "mlflowGetRun": '(input: {runId: "%(run_id)s"}) { run { info { runId } } }',
    "mlflowListArtifacts": '(input: {runId: "%(run_id)s"}) { files { path } }',
    "mlflowGetMetricHistoryBulkInterval": '(input: {runIds: ["%(run_id)s"], metricKey: "m"}) { metrics { key } }',
    "mlflowSearchRuns": '(input: {experimentIds: ["%(experiment_id)s"]}) { runs { info { runId } } }',
    "mlflowSearchModelVersions": "(input: {}) { modelVersions { name } }",
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_graphql_tells_of_nothing_that_may_not_be_read(accounts: Accounts, owned: Owned, field: str) -> None:
    query = f"query {{ {field} {FIELDS[field]} }}" % owned._asdict()
    answers = {}
    for who in ("owner", "other"):
        status, answer = getattr(accounts, who).ask("POST", "/graphql", {"query": query})
        assert status == 200, answer
        assert answer["errors"] is None, answer
        answers[who] = answer["data"][field]
    assert answers["owner"]
    assert answers["other"] in (None, {"runs": []}, {"modelVersions": []})


@EMBEDDED
@pytest.mark.parametrize("endpoint", OF_WHAT_IS_OWNED, ids=template)
def test_who_owns_it_is_never_refused(accounts: Accounts, endpoint: Endpoint) -> None:
    name = re.sub(r"\W+", "-", template(endpoint))
    mine = what_is_owned(accounts.owner, name)
    path, body = request_of(endpoint, mine)
    status, answer = accounts.owner.ask(endpoint.method, path, body)
    assert status not in (401, 403), answer
    assert status < 500 or status == 501, answer


def test_levels_are_what_they_say(accounts: Accounts) -> None:
    mine = what_is_owned(accounts.owner, "of levels")
    on = {"username": "bob", "resource_type": "experiment", "resource_id": mine.experiment_id}
    asked: Mapping[str, tuple[str, str, Any]] = {
        "read": ("GET", f"runs/get?run_id={mine.run_id}", None),
        "log": ("POST", "runs/set-tag", {"run_id": mine.run_id, "key": "k", "value": "v"}),
        "create": ("POST", "runs/create", {"experiment_id": mine.experiment_id}),
        "delete": ("POST", "runs/delete", {"run_id": mine.run_id}),
    }
    expected = {"READ": 1, "USE": 1, "EDIT": 3, "MANAGE": 4, "DENY": 0}
    for level, allowed in expected.items():
        granted = mlflow(accounts.owner, "POST", "users/permissions/grant", {**on, "permission": level}, "3.0")
        assert granted == (200, {}), level
        statuses = [mlflow(accounts.other, *one)[0] for one in asked.values()]
        assert statuses == [200] * allowed + [403] * (4 - allowed), level
        assert mlflow(accounts.owner, "POST", "users/permissions/revoke", on, "3.0") == (200, {})
    assert mlflow(accounts.other, *asked["read"])[0] == 403


def test_who_may_change_something_may_undo_it_and_nobody_else_is_told_of_it(accounts: Accounts) -> None:
    mine = what_is_owned(accounts.owner, "of undoing")
    changes = (
        ("runs/set-tag", {"run_id": mine.run_id, "key": "k", "value": SECRET}),
        ("runs/delete", {"run_id": mine.run_id}),
        ("runs/restore", {"run_id": mine.run_id}),
        ("runs/delete", {"run_id": mine.run_id}),
    )
    for path, body in changes:
        assert mlflow(accounts.owner, "POST", path, body)[0] == 200
    back = {"stream": f"run/{mine.run_id}", "to": "1970-01-01T00:00Z"}
    on = {"username": "bob", "resource_type": "experiment", "resource_id": mine.experiment_id}

    def planned(who: Asking) -> tuple[list[str], str]:
        status, plan = who.ask("POST", "/api/tracklog/v1/undo/plan", back)
        assert status == 200, plan
        return [one["field"] for one in plan["changes"]], json.dumps(plan)

    fields, plan = planned(accounts.other)
    assert fields == []
    assert all(word not in plan for word in (SECRET, mine.run_id, "tags.k"))
    for level, expected in (("READ", []), ("EDIT", []), ("MANAGE", ["lifecycle_stage", "tags.k"])):
        granted = mlflow(accounts.owner, "POST", "users/permissions/grant", {**on, "permission": level}, "3.0")
        assert granted == (200, {}), level
        # The tag is of a deleted run: who may not restore it may not change it either.
        assert planned(accounts.other)[0] == expected, level
        assert mlflow(accounts.owner, "POST", "users/permissions/revoke", on, "3.0") == (200, {})
    status, of_user = accounts.other.ask("POST", "/api/tracklog/v1/undo/plan", {"actor": "admin", "since": "0"})
    assert (status, of_user["changes"]) == (200, [])
    assert {one["reason"] for one in of_user["left_out"]} == {"You may not undo this."}
    digest = json.loads(planned(accounts.owner)[1])["digest"]
    assert accounts.other.ask("POST", "/api/tracklog/v1/undo", {**back, "digest": digest})[0] == 409
    status, answer = accounts.owner.ask("POST", "/api/tracklog/v1/undo", {**back, "digest": digest})
    assert (status, answer["refused"]) == (200, [])
    run = mlflow(accounts.owner, "GET", f"runs/get?run_id={mine.run_id}")[1]["run"]
    assert run["info"]["lifecycle_stage"] == "active"
    assert "k" not in [tag["key"] for tag in run["data"]["tags"]]


def test_a_role_gives_what_is_granted_to_it_and_takes_it_again(accounts: Accounts, owned: Owned) -> None:
    role = mlflow(accounts.admin, "POST", "roles/create", {"name": "readers", "workspace": "default"}, "3.0")[1]["role"]
    grant = {"role_id": role["id"], "resource_type": "experiment", "resource_pattern": "*", "permission": "READ"}
    assert mlflow(accounts.admin, "POST", "roles/permissions/add", grant, "3.0")[0] == 200
    assigned = {"username": "bob", "role_id": role["id"]}
    assert mlflow(accounts.admin, "POST", "roles/assign", assigned, "3.0")[0] == 200
    read = ("GET", f"experiments/get?experiment_id={owned.experiment_id}")
    assert mlflow(accounts.other, *read)[0] == 200
    assert SECRET in json.dumps(mlflow(accounts.other, "POST", "experiments/search", {"max_results": 1000})[1])
    assert mlflow(accounts.admin, "DELETE", "roles/unassign", assigned, "3.0")[0] == 200
    assert mlflow(accounts.other, *read)[0] == 403
    assert SECRET not in json.dumps(mlflow(accounts.other, "POST", "experiments/search", {"max_results": 1000})[1])


def test_an_owner_may_be_taken_what_they_created(accounts: Accounts) -> None:
    mine = what_is_owned(accounts.owner, "taken back")
    for resource_type, resource_id in (("experiment", mine.experiment_id), ("registered_model", mine.name)):
        on = {"username": "ada", "resource_type": resource_type, "resource_id": resource_id}
        assert mlflow(accounts.admin, "POST", "users/permissions/grant", {**on, "permission": "READ"}, "3.0")[0] == 400
        assert mlflow(accounts.admin, "POST", "users/permissions/revoke", on, "3.0") == (200, {})
        assert mlflow(accounts.admin, "POST", "users/permissions/revoke", on, "3.0")[0] == 404
    path = f"registered-models/get?name={mine.name.replace(' ', '%20')}"
    wait_until(lambda: mlflow(accounts.owner, "GET", path)[0] == 403)
    wait_until(lambda: mlflow(accounts.owner, "GET", f"runs/get?run_id={mine.run_id}")[0] == 403)


def test_pages_of_a_search_are_full_however_much_is_left_out(accounts: Accounts) -> None:
    for number in range(6):
        made((accounts.admin, accounts.other)[number % 2], "POST", "experiments/create", {"name": f"page {number}"})
    seen: list[str] = []
    token = ""
    while True:
        wanted = {"max_results": 2, "page_token": token, "filter": "name LIKE 'page %'"}
        page = mlflow(accounts.other, "POST", "experiments/search", wanted)[1]
        seen += [one["name"] for one in page["experiments"]]
        token = page.get("next_page_token", "")
        if not token:
            break
        assert len(page["experiments"]) == 2
    assert sorted(seen) == ["page 1", "page 3", "page 5"]


@pytest.mark.parametrize(
    ("location", "status"),
    [
        ("mlflow-artifacts:/teams/a", 200),
        ("mlflow-artifacts:/teams/b", 200),
        ("s3://their-own-bucket/x", 200),
        ("mlflow-artifacts:/teams", 403),
        ("mlflow-artifacts:/teams/theirs", 403),
        ("mlflow-artifacts:/teams/theirs/below", 403),
        ("mlflow-artifacts:/", 400),
        ("mlflow-artifacts:/7", 400),
        ("mlflow-artifacts:/0/x", 400),
        ("mlflow-artifacts:/teams/../0", 400),
        ("mlflow-artifacts:/%30", 400),
        ("mlflow-artifacts://elsewhere/0", 400),
        ("http://localhost/api/2.0/mlflow-artifacts/artifacts/0", 400),
        ("/etc", 400),
        ("file:///etc", 400),
    ],
)
def test_nobody_chooses_a_place_that_is_anothers(accounts: Accounts, location: str, status: int) -> None:
    theirs = {"name": "theirs", "artifact_location": "mlflow-artifacts:/teams/theirs"}
    assert mlflow(accounts.owner, "POST", "experiments/create", theirs)[0] in (200, 400)
    mine = {"name": f"at {location}", "artifact_location": location}
    assert mlflow(accounts.other, "POST", "experiments/create", mine)[0] == status


@pytest.mark.parametrize("spelled", ["{}/a.txt", "./{}/a.txt", "{}//a.txt", "x/../{}/a.txt", "%2e/{}/a.txt"])
def test_no_spelling_of_a_path_leads_to_anothers_artifact(accounts: Accounts, owned: Owned, spelled: str) -> None:
    folder = f"{owned.experiment_id}/{owned.run_id}/artifacts"
    for path in (spelled.format(folder), spelled.format(folder.replace("/", "%2F"))):
        for method in ("GET", "PUT", "DELETE"):
            asked = f"/api/2.0/mlflow-artifacts/artifacts/{path}"
            assert accounts.other.ask(method, asked, {} if method == "PUT" else None)[0] in (400, 403, 404), path
    assert accounts.owner.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts/{folder}/a.txt")[0] == 200


def test_nobody_makes_a_version_of_what_they_cannot_read(accounts: Accounts, owned: Owned) -> None:
    made(accounts.other, "POST", "registered-models/create", {"name": "bobs"})
    sources = [
        f"mlflow-artifacts:/{owned.experiment_id}/{owned.run_id}/artifacts",
        f"mlflow-artifacts:///{owned.experiment_id}/{owned.run_id}/artifacts",
        f"http://localhost/api/2.0/mlflow-artifacts/artifacts/{owned.experiment_id}/{owned.run_id}/artifacts",
        f"models:/{owned.name}/1",
        f"models:/{owned.model_id}",
        "mlflow-artifacts:/",
    ]
    for source in sources:
        status, answer = mlflow(accounts.other, "POST", "model-versions/create", {"name": "bobs", "source": source})
        assert status in (400, 403), (source, answer)


@EMBEDDED
def test_a_part_of_an_upload_is_taken_from_who_has_its_id_and_from_nobody_else(
    accounts: Accounts, owned: Owned
) -> None:
    """The stock client sends parts without credentials, as to a store that signed their URLs."""
    folder = f"{owned.experiment_id}/{owned.run_id}/artifacts"
    create = f"/api/2.0/mlflow-artifacts/mpu/create/{folder}"
    status, upload = accounts.owner.ask("POST", create, {"path": "large.bin", "num_parts": 1})
    assert status == 200
    nobody = Asking(accounts.server, None)
    url = urlsplit(upload["credentials"][0]["url"])
    path = f"{url.path}?{url.query}"
    for wrong in (path.replace(upload["upload_id"], "0" * 40), path.replace("large.bin", "other.bin")):
        assert nobody.ask("PUT", wrong, "a part")[0] in (400, 404)
    assert nobody.ask("PUT", path, "a part")[0] == 200
    parts = f"/api/2.0/mlflow-artifacts/mpu/parts/{folder}/large.bin?upload_id={upload['upload_id']}"
    assert accounts.other.ask("GET", parts)[0] == 403
    etag = accounts.owner.ask("GET", parts)[1]["parts"][0]["etag"]
    done = {"path": "large.bin", "upload_id": upload["upload_id"], "parts": [{"part_number": 1, "etag": etag}]}
    complete = f"/api/2.0/mlflow-artifacts/mpu/complete/{folder}"
    assert accounts.other.ask("POST", complete, done)[0] == 403
    assert accounts.owner.ask("POST", complete, done)[0] == 200
    whole = f"/api/2.0/mlflow-artifacts/artifacts/{folder}/large.bin"
    assert accounts.owner.ask("GET", whole) == (200, "a part")
    assert accounts.owner.ask("GET", f"/api/2.0/mlflow-artifacts/presigned/{folder}/large.bin")[0] == 501


@EMBEDDED
def test_an_event_is_shown_to_who_may_read_the_history_that_it_is_in(accounts: Accounts) -> None:
    mine, theirs = (
        what_is_owned(who, f"shown-{number}") for number, who in enumerate((accounts.owner, accounts.other))
    )

    def shown(owned: Owned, stream_of: Owned | None) -> int:
        history = f"/api/tracklog/v1/history?run_id={owned.run_id}&type=run.created"
        (event,) = accounts.admin.ask("GET", history)[1]["events"]
        stream = "" if stream_of is None else f"&stream=run/{stream_of.run_id}"
        return accounts.owner.ask("GET", f"/history/event?at={event['partition']}:{event['offset']}{stream}")[0]

    assert shown(mine, mine) == 200
    assert shown(theirs, mine) == 404
    assert shown(theirs, theirs) == 403
    assert shown(mine, None) == 403


def brought(who: Asking, *events: tuple[str, int, Mapping[str, Any]]) -> tuple[int, Any]:
    """Bring in events that another user is said to have made, elsewhere."""
    made_elsewhere = [
        {
            "id": str(uuid.uuid4()),
            "type": event_type,
            "version": version,
            "time": "2026-11-01T00:00:00Z",
            "actor": {"user": "eve", "address": "10.0.0.7", "user_agent": "python"},
            "data": data,
        }
        for event_type, version, data in events
    ]
    return who.ask("POST", "/api/tracklog/v1/events", {"source": "a laptop", "events": made_elsewhere})


def run_in(experiment_id: str, **more: Any) -> tuple[str, int, dict[str, Any]]:
    made_of: dict[str, Any] = {"name": "n", "user_id": "u", "start_time_ms": 1, "artifact_uri": ""}
    return "run.created", 2, {"run_id": uuid.uuid4().hex, "experiment_id": int(experiment_id), **made_of, **more}


def test_nobody_brings_in_events_of_what_is_anothers(accounts: Accounts, owned: Owned) -> None:
    experiment = int(owned.experiment_id)
    in_it: dict[str, Any] = {"experiment_id": experiment, "name": "n"}
    assert accounts.other.ask("POST", "/api/tracklog/v1/events", {"source": "s", "events": []})[0] == 200
    mine = made(accounts.other, "POST", "experiments/create", {"name": "a place of bob's"})["experiment_id"]
    place = f"mlflow-artifacts:/{owned.experiment_id}/{owned.run_id}/artifacts"
    a_run = run_in(mine)
    for event in (
        run_in(owned.experiment_id),
        run_in(mine, run_id=owned.run_id),
        ("run.updated", 2, {"run_id": owned.run_id, "status": "FAILED"}),
        ("run.updated", 2, {"run_id": "f" * 32, "status": "FAILED"}),
        ("experiment.tag-set", 1, {"experiment_id": experiment, "key": "k", "value": "v"}),
        ("logged-model.tag-deleted", 1, {"model_id": owned.model_id, "key": "k"}),
        ("registered-model.tag-set", 1, {"name": owned.name, "key": "k", "value": "v"}),
        ("model-version.tag-set", 1, {"name": owned.name, "version": 1, "key": "k", "value": "v"}),
        ("trace.started", 1, {"trace_id": "tr-new", "experiment_id": experiment, "request_time_ms": 1}),
        ("trace.started", 1, {"trace_id": owned.trace_id, "experiment_id": int(mine), "request_time_ms": 1}),
        ("trace.deleted", 1, {"trace_id": owned.trace_id}),
        ("scorer.registered", 1, {**in_it, "scorer_id": "s", "version_id": "v", "serialized_scorer": "{}"}),
        ("evaluation-dataset.created", 1, {"dataset_id": "d", "name": "d", "experiment_ids": [int(mine), experiment]}),
        ("evaluation-dataset.deleted", 1, {"dataset_id": owned.dataset_id}),
        ("issue.created", 1, {**in_it, "issue_id": "i", "description": "d"}),
        (
            "issue.created",
            1,
            {**in_it, "experiment_id": int(mine), "issue_id": "i", "description": "d", "source_run_id": owned.run_id},
        ),
        ("issue.updated", 1, {"issue_id": owned.issue_id, "name": "n"}),
        ("label-schema.deleted", 1, {"schema_id": owned.schema_id}),
        ("review-queue.deleted", 1, {"queue_id": owned.queue_id}),
    ):
        assert brought(accounts.other, event)[0] == 403, event
        assert brought(accounts.other, a_run, event)[0] == 403, event  # and nothing of what may be brought is taken
    assert brought(accounts.other, run_in(mine, artifact_uri=place))[0] == 400
    linked = ("trace.linked-to-run", 1, {"trace_id": "tr-bob", "run_id": owned.run_id})
    a_trace = ("trace.started", 1, {"trace_id": "tr-bob", "experiment_id": int(mine), "request_time_ms": 1})
    assert brought(accounts.other, a_trace, linked)[0] == 403
    unlinked = ("trace.unlinked-from-run", 1, linked[2])
    assert brought(accounts.other, a_trace, unlinked)[0] == 403
    assert mlflow(accounts.other, "GET", f"runs/get?run_id={a_run[2]['run_id']}")[0] == 403
    model = {"name": "a model of bob's", "registered_model_id": uuid.uuid4().hex}
    assert brought(accounts.other, ("registered-model.created", 2, model))[0] == 200
    version = {"name": model["name"], "version_id": uuid.uuid4().hex, "source": "s", "storage_location": place}
    for source, status in ((place, 403), (f"runs:/{owned.run_id}/m", 403), ("file:///etc", 400), ("s3://b/k", 400)):
        event = ("model-version.created", 1, {**version, "source": source})
        assert brought(accounts.other, event)[0] == status, source


def test_what_somebody_brings_in_is_theirs_and_by_themselves(accounts: Accounts) -> None:
    number = 10**17 + uuid.uuid4().int % 10**17
    experiment = ("experiment.created", 3, {"experiment_id": number, "name": f"{number}", "artifact_location": ""})
    assert brought(accounts.owner, experiment, run_in(str(number)))[0] == 400  # each in a request of its own
    assert brought(accounts.owner, experiment)[0] == 200
    run = run_in(str(number))
    gone = ("run.deleted", 2, {"run_id": run[2]["run_id"]})
    assert brought(accounts.owner, run, gone)[0] == 400
    nothing = {"there": 0, "there_ids": [], "refused": [], "versions": {}}
    assert brought(accounts.owner, run)[1] == {"appended": 1, **nothing}
    (created,) = accounts.admin.ask("GET", f"/api/tracklog/v1/events?stream=run/{run[2]['run_id']}")[1]["events"]
    assert (created["actor"]["user"], created["actor"]["address"]) == ("ada", "10.0.0.7")
    assert created["data"]["origin"] == {"source": "a laptop", "brought_by": "ada"}
    made(
        accounts.owner,
        "POST",
        "experiments/set-experiment-tag",
        {"experiment_id": str(number), "key": "k", "value": "v"},
    )
    assert mlflow(accounts.other, "GET", f"experiments/get?experiment_id={number}")[0] == 403
    grant = {"resource_type": "experiment", "resource_id": str(number), "permission": "EDIT", "username": "bob"}
    made(accounts.admin, "POST", "users/permissions/grant", grant, "3.0")
    another = run_in(str(number))
    assert brought(accounts.other, another)[0] == 200
    assert brought(accounts.other, ("run.deleted", 2, {"run_id": another[2]["run_id"]}))[0] == 403
    assert brought(accounts.owner, gone)[0] == 200


def test_every_kind_of_route_was_tried() -> None:
    assert {one.route.kind for one in OF_RULES} == {Kind.WRITE, Kind.READ, Kind.ARTIFACT, Kind.PAGE}
