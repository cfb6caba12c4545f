"""Experiment search: filters, order, views and pages."""

import uuid

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import RestException

from tests.compatibility.rest import Rest, assert_error
from tests.eventually import wait_for_the_next_millisecond

NAMES = ("Alpha", "beta", "gamma_x", "delta 50%")


class Fixed:
    """Four experiments under a prefix of their own, the last change of one of them made later."""

    def __init__(self, client: MlflowClient) -> None:
        self.prefix = uuid.uuid4().hex[:8]
        self.ids = {}
        for name in NAMES:
            self.ids[name] = client.create_experiment(f"{self.prefix} {name}", tags={"batch": self.prefix})
            wait_for_the_next_millisecond()
        client.set_experiment_tag(self.ids["Alpha"], "team", "Red")
        client.set_experiment_tag(self.ids["beta"], "team", "red")
        client.set_experiment_tag(self.ids["gamma_x"], "a.b", "dots")
        client.set_experiment_tag(self.ids["gamma_x"], "with space", "x")
        client.rename_experiment(self.ids["Alpha"], f"{self.prefix} Alpha")
        client.delete_experiment(client.create_experiment(f"{self.prefix} deleted", tags={"batch": self.prefix}))
        self.created = {name: client.get_experiment(i).creation_time for name, i in self.ids.items()}
        self.updated = {name: client.get_experiment(i).last_update_time for name, i in self.ids.items()}

    def fill(self, text: str) -> str:
        """Replace `<id:NAME>`, `<created:NAME>`, `<updated:NAME>` and `<p>` in a filter."""
        text = text.replace("<p>", self.prefix)
        for name in NAMES:
            text = text.replace(f"<id:{name}>", self.ids[name])
            text = text.replace(f"<created:{name}>", str(self.created[name]))
            text = text.replace(f"<updated:{name}>", str(self.updated[name]))
        return text


@pytest.fixture(scope="module")
def fixed(client: MlflowClient) -> Fixed:
    return Fixed(client)


def names(
    client: MlflowClient,
    fixed: Fixed,
    *,
    filter_string: str | None = None,
    order_by: list[str] | None = None,
    view_type: int = ViewType.ACTIVE_ONLY,
) -> list[str]:
    """Search among the fixed experiments and return their names without the prefix, in the order found."""
    found = client.search_experiments(view_type, filter_string=filter_string, order_by=order_by)
    return [e.name.removeprefix(fixed.prefix + " ") for e in found if e.name.startswith(fixed.prefix)]


ALL = set(NAMES)
FOUND = [
    ("", ALL),
    ("name = '<p> Alpha'", {"Alpha"}),
    ('name = "<p> Alpha"', {"Alpha"}),
    ("attribute.name = '<p> Alpha'", {"Alpha"}),
    ("attributes.name = '<p> Alpha'", {"Alpha"}),  # since MLflow 3.18
    ("`name` = '<p> Alpha'", {"Alpha"}),
    ("name = '<p> alpha'", set()),
    ("name != '<p> Alpha'", ALL - {"Alpha"}),
    ("name LIKE '<p> A%'", {"Alpha"}),
    ("name LIKE '<p> a%'", set()),
    ("name ILIKE '<p> a%'", {"Alpha"}),
    ("name LIKE '%gamma_x'", {"gamma_x"}),
    ("experiment_id = '<id:beta>'", {"beta"}),
    ("experiment_id != '<id:beta>'", ALL - {"beta"}),
    ("experiment_id IN ('<id:beta>', '<id:Alpha>')", {"beta", "Alpha"}),
    ("experiment_id NOT IN ('<id:beta>', '<id:Alpha>')", ALL - {"beta", "Alpha"}),
    ("creation_time = <created:beta>", {"beta"}),
    ("creation_time != <created:beta>", ALL - {"beta"}),
    ("creation_time > <created:beta>", {"gamma_x", "delta 50%"}),
    ("creation_time >= <created:beta>", {"beta", "gamma_x", "delta 50%"}),
    ("creation_time < <created:beta>", {"Alpha"}),
    ("creation_time <= <created:beta>", {"Alpha", "beta"}),
    ("last_update_time > <updated:delta 50%>", {"Alpha"}),
    ("attribute.last_update_time <= <updated:beta>", {"beta"}),
    ("tags.team = 'red'", {"beta"}),
    ("tag.team = 'red'", {"beta"}),
    ("tags.team != 'red'", {"Alpha"}),
    ("tags.team LIKE 'R%'", {"Alpha"}),
    ("tags.team ILIKE 'r%'", {"Alpha", "beta"}),
    ("tags.team IS NULL", {"gamma_x", "delta 50%"}),
    ("tags.team IS NOT NULL", {"Alpha", "beta"}),
    ("tags.team is null", {"gamma_x", "delta 50%"}),
    ("tags.a.b = 'dots'", {"gamma_x"}),
    ("tags.`with space` = 'x'", {"gamma_x"}),
    ("tags.batch = '<p>' AND name ILIKE '%A'", {"Alpha", "beta"}),
    ("name LIKE '<p>%' and tags.team IS NULL AND creation_time > <created:gamma_x>", {"delta 50%"}),
]


@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text or "no filter" for text, _ in FOUND])
def test_filter_finds(client: MlflowClient, fixed: Fixed, text: str, expected: set[str]) -> None:
    assert set(names(client, fixed, filter_string=fixed.fill(text))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name = Alpha",
        "name > 'a'",
        "name like 'a%'",
        "name ilike 'a%'",
        "name IN ('a')",
        "name IS NULL",
        "Name = 'a'",
        "experiment_id > '1'",
        "experiment_id LIKE '1'",
        "experiment_id = 1",
        "creation_time = 'x'",
        "creation_time LIKE '1'",
        "tags.team IN ('red')",
        "tags.team > 'red'",
        "tags.team = red",
        "params.a = '1'",
        "metrics.a > 1",
        "lifecycle_stage = 'active'",
        "name = 'a' OR name = 'b'",
        "name == 'a'",
        "(name = 'a')",
    ],
)
def test_filter_is_refused(client: MlflowClient, text: str) -> None:
    with pytest.raises(RestException) as refusal:
        client.search_experiments(filter_string=text)
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        (None, ["delta 50%", "gamma_x", "beta", "Alpha"]),
        (["creation_time ASC"], ["Alpha", "beta", "gamma_x", "delta 50%"]),
        (["creation_time DESC"], ["delta 50%", "gamma_x", "beta", "Alpha"]),
        (["name"], ["Alpha", "beta", "delta 50%", "gamma_x"]),
        (["name DESC"], ["gamma_x", "delta 50%", "beta", "Alpha"]),
        (["attribute.name ASC"], ["Alpha", "beta", "delta 50%", "gamma_x"]),
        (["last_update_time DESC"], ["Alpha", "delta 50%", "gamma_x", "beta"]),
        (["experiment_id ASC"], ["Alpha", "beta", "gamma_x", "delta 50%"]),
        (["experiment_id DESC"], ["delta 50%", "gamma_x", "beta", "Alpha"]),
    ],
    ids=str,
)
def test_experiments_come_in_order(
    client: MlflowClient, fixed: Fixed, order_by: list[str] | None, expected: list[str]
) -> None:
    assert names(client, fixed, filter_string=f"tags.batch = '{fixed.prefix}'", order_by=order_by) == expected


@pytest.mark.parametrize(
    "order_by", [["nothing"], ["name UP"], ["tags.team"], ["lifecycle_stage"], ["name, creation_time"]]
)
def test_order_is_refused(client: MlflowClient, order_by: list[str]) -> None:
    with pytest.raises(RestException) as refusal:
        client.search_experiments(order_by=order_by)
    assert refusal.value.error_code == "INVALID_PARAMETER_VALUE"


def test_views_show_active_deleted_or_all(client: MlflowClient, fixed: Fixed) -> None:
    assert set(names(client, fixed, view_type=ViewType.ACTIVE_ONLY)) == ALL
    assert set(names(client, fixed, view_type=ViewType.DELETED_ONLY)) == {"deleted"}
    assert set(names(client, fixed, view_type=ViewType.ALL)) == ALL | {"deleted"}


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_pages_joined_are_the_whole(client: MlflowClient, fixed: Fixed, size: int) -> None:
    seen, token, pages = [], None, 0
    while True:
        page = client.search_experiments(
            filter_string=f"tags.batch = '{fixed.prefix}'", order_by=["name"], max_results=size, page_token=token
        )
        seen += [e.name.removeprefix(fixed.prefix + " ") for e in page]
        token, pages = page.token, pages + 1
        if not token:
            break
    assert seen == ["Alpha", "beta", "delta 50%", "gamma_x"]
    assert pages == -(-len(NAMES) // size)


def test_search_answers_get_and_post_alike(rest: Rest, fixed: Fixed) -> None:
    query = {"max_results": 10, "filter": f"tags.batch = '{fixed.prefix}'", "order_by": ["name DESC", "experiment_id"]}
    by_get, by_post = rest.get("experiments/search", query).json(), rest.post("experiments/search", query).json()
    assert by_get == by_post
    assert len(by_get["experiments"]) == len(NAMES)


@pytest.mark.parametrize("max_results", [None, 0, -1, 50001])
def test_page_sizes_out_of_range_are_refused(rest: Rest, max_results: int | None) -> None:
    body = {} if max_results is None else {"max_results": max_results}
    assert_error(rest.post("experiments/search", body), 400, "INVALID_PARAMETER_VALUE")
