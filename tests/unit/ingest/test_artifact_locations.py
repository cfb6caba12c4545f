"""What an experiment may be given as the location of its artifacts, and what not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.artifact_locations import check_artifact_location
from ingest.proxy_address import ProxyAddress
from schemas.errors import InvalidParameterValue

ROOT = "mlflow-artifacts:/"
TOLD = "mlflow-artifacts://art:5500/"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
HERE = ProxyAddress.of_request("tracking:5000", "/api/2.0/mlflow/experiments/create")
BELOW_A_PREFIX = ProxyAddress.of_request("tracking:5000", "/team/ajax-api/2.0/mlflow/experiments/create")
BEHIND_A_PROXY = ProxyAddress.of_request("tracking", "/api/2.0/mlflow/experiments/create")


@pytest.mark.parametrize(
    ("location", "root", "reached_at"),
    [
        ("mlflow-artifacts:/x?y=1", ROOT, None),
        (f"http://tracking:5000{PROXY}/x", ROOT, HERE),
        (f"http://tracking:5000{PROXY}", ROOT, HERE),
        (f"https://TRACKING:5000{PROXY}/x", ROOT, HERE),
        ("mlflow-artifacts://tracking:5000/x", ROOT, HERE),
        ("mlflow-artifacts://tracking/x", ROOT, HERE),
        (f"http://tracking:5000/team{PROXY}/x", ROOT, BELOW_A_PREFIX),
        (f"https://tracking{PROXY}/x", ROOT, BEHIND_A_PROXY),
        (f"https://tracking:443{PROXY}/x", ROOT, BEHIND_A_PROXY),
        ("mlflow-artifacts://tracking:80/x", ROOT, BEHIND_A_PROXY),
        ("mlflow-artifacts://art:5500/x", TOLD, None),
        ("mlflow-artifacts://art/x", TOLD, HERE),
        (f"http://art:5500{PROXY}/x", TOLD, HERE),
        (f"https://art:5500{PROXY}/x", TOLD, HERE),
        ("mlflow-artifacts://art:5500/x", f"http://art:5500{PROXY}/root", None),
        ("mlflow-artifacts://[::1]:5000/x", ROOT, ProxyAddress.of_request("[::1]:5000", "/api/2.0/x")),
    ],
)
def test_the_own_proxy_may_be_named_by_each_of_its_addresses(
    location: str, root: str, reached_at: ProxyAddress | None
) -> None:
    check_artifact_location(location, root, reached_at)


@pytest.mark.parametrize(
    "location",
    [
        *(f"http://evil:5000{PROXY}/x", f"http://tracking:5001{PROXY}/x", f"http://tracking{PROXY}/x"),
        *(f"http://tracking:5000@evil{PROXY}/x", f"http://a@tracking:5000{PROXY}/x", "mlflow-artifacts://a@tracking/x"),
        *(f"http://tracking:5000/other{PROXY}/x", "http://tracking:5000/x", f"http:{PROXY}/x", f"http://{PROXY}/x"),
        *(
            f"http://tracking:5000{PROXY}/../x",
            f"http://tracking:5000{PROXY}/%2e%2e/x",
            f"http://tracking:5000{PROXY}?x",
        ),
        *(f"http://tracking:99999{PROXY}/x", f"http://tracking:x{PROXY}/x", f"http://tracking:5000{PROXY}/x?y=1"),
        *("mlflow-artifacts://evil/x", "mlflow-artifacts://tracking:5001/x", "mlflow-artifacts://art:5500/x"),
        *(
            f"http://tracking:5000\\@evil{PROXY}/x",
            f"http://tracking。evil{PROXY}/x",
            f"http://tracking:5000 {PROXY}/x",
        ),
    ],
)
def test_any_other_proxy_is_refused(location: str) -> None:
    with pytest.raises(InvalidParameterValue, match="artifact_location"):
        check_artifact_location(location, ROOT, HERE)


@pytest.mark.parametrize("header", ["", "evil@tracking", "a/b", "[::1", "tracking:x", "tracking:99999", "a b?c", "#"])
def test_an_odd_host_header_is_the_address_of_nothing(header: str) -> None:
    reached_at = ProxyAddress.of_request(header, "/api/2.0/mlflow/experiments/create")
    with pytest.raises(InvalidParameterValue):
        check_artifact_location(f"http://tracking{PROXY}/x", ROOT, reached_at)


@pytest.mark.parametrize("end", ["\n", "\r", "\t", "\0", "\x1f", "\x7f", "\x85", "\u2028", "\ud800"])
@pytest.mark.parametrize("start", ["s3://b/a", "/tmp/a", "file:///a", "mlflow-artifacts:/a", "weird:a"])
def test_control_characters_are_refused_wherever_they_stand(start: str, end: str) -> None:
    for location in (f"{start}{end}", f"{start}{end}/b", f"{end}{start}"):
        with pytest.raises(InvalidParameterValue, match="artifact_location"):
            check_artifact_location(location, ROOT)


@pytest.mark.parametrize(
    "location",
    [
        *("file://host/x", "file://host", "file://localhost.evil.com/x", "file://127.0.0.1.evil.com/x", "file://a@/x"),
        *("wasbs://c@evil.com/p", "wasbs://c@a.blob.core.evil.com/p", "wasbs://a.blob.core.windows.net/p"),
        *(
            "wasbs://c@a.b.blob.core.windows.net/p",
            "wasbs://c@a.blob.core.windows.net:1/p",
            "wasbs:/c/p",
            "wasbs://c@/p",
        ),
        *("abfss://c@a.dfs.core.windows.net/p", "ftps://h/x", "ftp:/x", "sftp://h/x", "hdfs:/x", "hdfs://h:99999/x"),
        *("s3:/b/p", "s3:b", "s3:///p", "s3://user@b/p", "gs:/b", "gs://a@b/p", "s3://b。evil/p"),
        *("s3://u:secret@b/p", "weird://u:secret@b/p", "wasbs://c:secret@a.blob.core.windows.net/p"),
        *("mlflow-artifacts:/%2e%2e/a", "mlflow-artifacts:/%252e%252e/a", "mlflow-artifacts:/a%2f..%2f..%2fb"),
        *(
            "mlflow-artifacts:/a\\..\\b",
            "mlflow-artifacts:/a%5cb",
            "mlflow-artifacts:\\\\evil/x",
            "mlflow-artifacts:/a//b",
        ),
        *("mlflow-artifacts:/a%0ab", "mlflow-artifacts:/a%00", "mlflow-artifacts:/a%23b", "mlflow-artifacts:/a%ffb"),
        "mlflow-artifacts://[bad/x",
    ],
)
def test_what_no_server_and_no_client_can_resolve_is_refused(location: str) -> None:
    with pytest.raises(InvalidParameterValue, match="artifact_location") as refused:
        check_artifact_location(location, ROOT)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "location",
    [
        *("file:/x", "file:///x?y", "file://localhost/x", "file://127.0.0.1/x", "file:x", "/tmp/x?y"),
        *("wasbs://c@acc1.blob.core.windows.net/p?x", "wasbs://$root@a.blob.core.chinacloudapi.cn/p"),
        *(
            "s3://b/p?x",
            "s3://arn:aws:s3:us-west-2:1:accesspoint/name/p",
            "gs://b",
            "dbfs:/p?x",
            "dbfs://p@databricks/x",
        ),
        *("mlflow-artifacts:/a%20b", "mlflow-artifacts:/a%2fb", "mlflow-artifacts:a", "mlflow-artifacts:///a/"),
    ],
)
def test_what_names_no_foreign_host_is_taken(location: str) -> None:
    check_artifact_location(location, ROOT)


def test_the_container_of_the_artifact_root_may_be_named_wherever_it_is() -> None:
    check_artifact_location("wasbs://c@a.blob.local.stack/x", "wasbs://c@a.blob.local.stack/root")
    with pytest.raises(InvalidParameterValue):
        check_artifact_location("wasbs://other@a.blob.local.stack/x", "wasbs://c@a.blob.local.stack/root")


PIECES = st.sampled_from(
    [
        "http:",
        "https:",
        "mlflow-artifacts:",
        "//",
        "/",
        "tracking",
        ":5000",
        "evil",
        "@",
        "\\",
        "?",
        "#",
        PROXY,
        "..",
        "%2e",
    ]
)


@given(st.lists(PIECES, max_size=10).map("".join), st.sampled_from([ROOT, TOLD]))
def test_whatever_is_written_is_refused_or_names_no_foreign_host(location: str, root: str) -> None:
    try:
        check_artifact_location(location, root, HERE)
    except InvalidParameterValue:
        return
    authority = location.partition("//")[2].partition("/")[0] if location.startswith(("http", "mlflow")) else ""
    assert "evil" not in authority


@pytest.mark.parametrize(
    "location",
    [
        "s3://bucket/a",
        "s3://bucket/a?x=1",
        "s3://b/../a",
        "/tmp/a",
        "rel/a",
        "file:///a",
        "models:/a/b",
        "weird://x/y",
        "mlflow-artifacts:/a",
        "dbfs:/x",
        "C:\\x",
        " s3://x/y ",
        "foo bar",
    ],
)
def test_artifact_locations_that_mlflow_takes_are_taken(location: str) -> None:
    check_artifact_location(location, ROOT)


@pytest.mark.parametrize(
    "location",
    [
        "s3://bucket/a#x",
        "#f",
        "runs:/a/b",
        "http://h/a",
        "https://h/a",
        "ftp://h/a",
        "hdfs://h/a",
        "mlflow-artifacts://host/a",
        "mlflow-artifacts:/../a",
        "mlflow-artifacts:/a/../../b",
        "http://[bad/x",
    ],
)
def test_artifact_locations_that_cannot_be_resolved_or_name_a_host_are_refused(location: str) -> None:
    with pytest.raises(InvalidParameterValue, match="artifact_location"):
        check_artifact_location(location, ROOT)


def test_the_host_of_the_artifact_root_may_be_named() -> None:
    check_artifact_location("hdfs://namenode:8020/other", "hdfs://namenode:8020/root")
