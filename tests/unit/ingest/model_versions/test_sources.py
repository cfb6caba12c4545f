"""Every source that a client may name, with and without the run or the logged model that it lies in.

The table is that of a real MLflow 3.17, asked with each of these; where Tracklog answers otherwise, the row says so.
"""

import re
from typing import Final

import pytest

from ingest.model_versions.source_files import (
    Files,
    Found,
    check_source_model,
    files_of,
    version_lookup,
    version_not_found,
)
from ingest.model_versions.source_policy import ALLOWED_SCHEMES_VARIABLE, PATTERN_VARIABLE, SourcePolicy
from ingest.model_versions.sources import (
    AliasSource,
    LatestSource,
    Location,
    LoggedModelSource,
    NumberedSource,
    Source,
    StageSource,
    VersionSource,
    source_of,
)
from ingest.model_versions.state import KnownVersion, LoggedModelFiles
from ingest.registered_models.state import NameHolder
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.model_versions import CreateModelVersion
from schemas.messages.registered_models import RegistryTag
from schemas.mlflow import IS_PROMPT_TAG

RUN: Final = "r1"
MODEL: Final = "m-1"
RUN_ARTIFACTS: Final = "mlflow-artifacts:/0/r1/artifacts"
MODEL_ARTIFACTS: Final = "mlflow-artifacts:/0/models/m-1/artifacts"
LOGGED_MODEL: Final = LoggedModelFiles(MODEL, RUN, MODEL_ARTIFACTS)
VERSION: Final = KnownVersion("v", "src", 3, "r9", "s3://b/three", "m-9")
OWN: Final = SourcePolicy(own_roots=("mlflow-artifacts:/",))

STORED: Final = "stored as it was sent"
REFUSED: Final = InvalidParameterValue
GONE: Final = ResourceDoesNotExist


def found_for(command: CreateModelVersion, source: Source, run_artifacts: str, logged_model: LoggedModelFiles) -> Found:
    """What the commands look up, in a deployment with one run and one logged model."""
    return Found(
        version=VERSION if isinstance(source, VersionSource) else None,
        logged_model=logged_model if command.model_id == MODEL else None,
        run_artifacts=run_artifacts if command.run_id == RUN else None,
    )


def files(
    source: str,
    run_id: str = "",
    model_id: str = "",
    *,
    marker: str | None = None,
    policy: SourcePolicy = OWN,
    run_artifacts: str = RUN_ARTIFACTS,
    logged_model: LoggedModelFiles = LOGGED_MODEL,
) -> Files:
    tags = [] if marker is None else [RegistryTag(key=IS_PROMPT_TAG, value=marker)]
    command = CreateModelVersion(name="n", source=source, run_id=run_id, model_id=model_id, tags=tags)
    kind = source_of(command, policy)
    return files_of(command, kind, found_for(command, kind, run_artifacts, logged_model))


def check(expected: object, source: str, run_id: str, model_id: str, kept_run: str) -> None:
    """`expected` is an error, or where the files are."""
    if isinstance(expected, type) and issubclass(expected, Exception):
        with pytest.raises(expected):
            files(source, run_id, model_id)
    else:
        place = source if expected is STORED else expected
        assert files(source, run_id, model_id) == Files(source, str(place), kept_run)


# --- the table --------------------------------------------------------------------------------------------------------

ELSEWHERE: Final = (
    "s3://b/p",
    "S3://b/p",
    "s3:/x",
    "gs://b/p",
    "wasbs://c@a.blob.core.windows.net/p",
    "abfs://c@h/p",
    "dbfs:/x",
    "oss://b/p",
    "uc:/x",
    "volumes:/x",
    "foo:/x",
    "s3://b//p",
    "s3://b/p/",
    "s3://b/p?x=1",
    "s3://b/p?x=..",
    "s3://b/p#f",
    "s3://b/a b",
    " s3://b/p",
    "s3://b/..a/c",
    "s3://b/a%20b",
)
"""What this server never reads."""


@pytest.mark.parametrize("source", ELSEWHERE)
def test_what_lies_elsewhere_is_kept_as_it_was_sent(source: str) -> None:
    check(STORED, source, "", "", "")
    check(STORED, source, RUN, "", RUN)
    check(STORED, source, "never looked up", "", "never looked up")
    check(STORED, source, "", MODEL, RUN)
    check(STORED, source, "kept", MODEL, "kept")
    check(GONE, source, "", "m-unknown", "")


@pytest.mark.parametrize("scheme", ["http", "https", "ftp", "ftps", "sftp", "hdfs", "viewfs", "r2", "b2", "abfss"])
def test_a_scheme_that_names_a_host_is_refused(scheme: str) -> None:
    for source in (f"{scheme}://h/x", f"{scheme.upper()}://h/x", f"{scheme}:/x"):
        for run_id, model_id in (("", ""), (RUN, ""), ("", MODEL), (RUN, MODEL)):
            check(REFUSED, source, run_id, model_id, "")


@pytest.mark.parametrize("host", ["h", "h:1", "H", "u@h", "h:99999", "[x"])
def test_a_proxied_location_that_names_a_host_is_refused(host: str) -> None:
    path = RUN_ARTIFACTS.removeprefix("mlflow-artifacts:")
    for scheme in ("mlflow-artifacts", "MLFLOW-ARTIFACTS"):
        for run_id, model_id in (("", ""), (RUN, ""), ("", MODEL)):
            check(REFUSED, f"{scheme}://{host}{path}", run_id, model_id, "")


PROXIED: Final = (
    # source, with the run, with the logged model
    (RUN_ARTIFACTS, STORED, REFUSED),
    (f"{RUN_ARTIFACTS}/", STORED, REFUSED),
    (f"{RUN_ARTIFACTS}/x", STORED, REFUSED),
    (f"{RUN_ARTIFACTS}/a%20b", STORED, REFUSED),
    ("mlflow-artifacts:/0/r1/%61rtifacts/x", STORED, REFUSED),
    ("mlflow-artifacts:/0/r1%2Fartifacts/x", STORED, REFUSED),
    (f"{RUN_ARTIFACTS}X", REFUSED, REFUSED),
    ("mlflow-artifacts:/0/r1", REFUSED, REFUSED),
    ("mlflow-artifacts:/0/r2/artifacts", REFUSED, REFUSED),
    ("mlflow-artifacts:/x", REFUSED, REFUSED),
    ("mlflow-artifacts:/", REFUSED, REFUSED),
    (f"{RUN_ARTIFACTS}/x/../../y", REFUSED, REFUSED),
    (MODEL_ARTIFACTS, REFUSED, STORED),
    (f"{MODEL_ARTIFACTS}/x", REFUSED, STORED),
    (f"{MODEL_ARTIFACTS}X", REFUSED, REFUSED),
    ("mlflow-artifacts:/0/models/m-2/artifacts", REFUSED, REFUSED),
)


@pytest.mark.parametrize(("source", "with_run", "with_model"), PROXIED)
def test_a_proxied_location_lies_in_what_is_named_with_it(source: str, with_run: object, with_model: object) -> None:
    check(REFUSED, source, "", "", "")
    check(with_run, source, RUN, "", RUN)
    check(with_model, source, "", MODEL, RUN)
    # The logged model counts where both are named, and a run that is sent is kept unchecked.
    check(with_model, source, "kept", MODEL, "kept")
    # Of a run or a logged model that is not there nothing can be said, and so it is no owner.
    check(REFUSED, source, "unknown", "", "")
    check(REFUSED, source, "", "m-unknown", "")


RUNS: Final = (
    # source, with the run
    ("runs:/r1/a/b", f"{RUN_ARTIFACTS}/a/b"),
    ("runs:/r1/a b", f"{RUN_ARTIFACTS}/a b"),
    ("RUNS:/r1/a", f"{RUN_ARTIFACTS}/a"),
    ("runs:/r1", RUN_ARTIFACTS),
    ("runs:/r1/", RUN_ARTIFACTS),
    ("runs:/r2/a", REFUSED),
    ("runs:/r1x", REFUSED),
    ("runs:/", REFUSED),
    ("runs://h/r1", REFUSED),
    ("runs:r1/a", REFUSED),
    ("runs:/r1/../r2", REFUSED),
)


@pytest.mark.parametrize(("source", "with_run"), RUNS)
def test_a_path_of_a_run_is_resolved_when_the_run_is_named_with_it(source: str, with_run: object) -> None:
    check(with_run, source, RUN, "", RUN)
    check(REFUSED, source, "", "", "")
    check(REFUSED, source, "", MODEL, "")
    check(REFUSED, source, RUN, MODEL, "")


def test_a_path_of_a_run_lies_before_the_query_of_where_its_artifacts_are() -> None:
    made = files("runs:/r1/a", RUN, run_artifacts="s3://b/r1/artifacts?endpoint=x")
    assert made.storage_location == "s3://b/r1/artifacts/a?endpoint=x"


def test_a_run_that_is_not_there_has_no_path() -> None:
    """MLflow keeps such a source, which nobody can ever resolve."""
    check(GONE, "runs:/nope/x", "nope", "", "")


def test_a_logged_model_is_a_source_when_it_is_named_with_it() -> None:
    check(MODEL_ARTIFACTS, "models:/m-1", "", MODEL, RUN)
    check(MODEL_ARTIFACTS, "models:/m-1?x", "", MODEL, RUN)
    check(MODEL_ARTIFACTS, "models:/m-1", "kept", MODEL, "kept")
    check(REFUSED, "models:/m-1", "", "", "")
    check(REFUSED, "models:/m-1", RUN, "", "")
    check(REFUSED, "models:/m-2", "", MODEL, "")
    check(REFUSED, "models:/m-1", "", "m-2", "")


def test_a_logged_model_that_is_not_there_is_told_so() -> None:
    """MLflow answers 500, which its client repeats for minutes."""
    check(GONE, "models:/m-unknown", "", "m-unknown", "")


VERSIONS: Final = (
    ("models:/src/3", NumberedSource("src", 3)),
    ("models:/src/03", NumberedSource("src", 3)),
    ("models:///src/3", NumberedSource("src", 3)),
    ("MODELS:/src/3", NumberedSource("src", 3)),
    ("models:/src/3?x=1", NumberedSource("src", 3)),
    ("models:/s%72c/3", NumberedSource("s%72c", 3)),
    ("models:/src/99999999999999999999999", NumberedSource("src", 0)),
    ("models:/a@b/3", NumberedSource("a@b", 3)),
    ("models:/src@a", AliasSource("src", "a")),
    ("models:/a@b@c", AliasSource("a@b", "c")),
    ("models:/src/latest", LatestSource("src")),
    ("models:/src/LATEST", LatestSource("src")),
    ("models:/src/none", StageSource("src", "none")),
    ("models:/src/Production", StageSource("src", "Production")),
    ("models:/src/-1", StageSource("src", "-1")),
    ("models:/src/ 1", StageSource("src", " 1")),
    ("models:/m-1/sub", StageSource("m-1", "sub")),
)


@pytest.mark.parametrize(("source", "kind"), VERSIONS)
def test_another_version_is_kept_by_its_number_with_its_run_and_its_files(source: str, kind: Source) -> None:
    assert source_of(CreateModelVersion(name="n", source=source), OWN) == kind
    as_kept = Files("models:/src/3", "s3://b/three", "r9")
    assert files(source) == as_kept
    assert files(source, "r9") == as_kept
    with pytest.raises(REFUSED):
        files(source, "r1")
    with pytest.raises(REFUSED):
        files(source, "", MODEL)
    with pytest.raises(GONE):  # its own logged model, which is deleted
        files(source, "", "m-9")


def test_a_copy_may_name_the_logged_model_of_its_version() -> None:
    version = KnownVersion("v", "src", 3, "", MODEL_ARTIFACTS, MODEL)
    command = CreateModelVersion(name="n", source="models:/src/3", model_id=MODEL)
    made = files_of(command, NumberedSource("src", 3), Found(version=version, logged_model=LOGGED_MODEL))
    assert made == Files("models:/src/3", MODEL_ARTIFACTS, "")


@pytest.mark.parametrize(
    "source",
    [
        "models://h/src/1",
        "models:/",
        "models:src/1",
        "models:/src/",
        "models:/src@",
        "models:/@a",
        "models:/ /1",
        "models:/src/1/x",
        "models:/src/1#x",
        "models:/foo",
    ],
)
def test_what_is_neither_a_version_nor_the_logged_model_is_refused(source: str) -> None:
    check(REFUSED, source, "", "", "")
    check(REFUSED, source, RUN, "", "")
    check(REFUSED, source, "", MODEL, "")


def test_a_version_is_looked_for_in_its_model_first() -> None:
    command = CreateModelVersion(name="n", source="models:/m-1/sub")
    source = StageSource("m-1", "sub")
    with pytest.raises(GONE, match="name=m-1 not found"):
        check_source_model(command, source, None)
    check_source_model(command, source, NameHolder("m-1", is_prompt=False))
    with pytest.raises(REFUSED, match="Invalid Model Version stage"):
        version_lookup(source)


def test_a_prompt_is_no_source() -> None:
    command = CreateModelVersion(name="n", source="models:/pr/1")
    with pytest.raises(REFUSED, match="is a prompt"):
        check_source_model(command, NumberedSource("pr", 1), NameHolder("pr", is_prompt=True))


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (NumberedSource("src", 99), GONE),
        (AliasSource("src", "zz"), REFUSED),
        (LatestSource("src"), GONE),  # MLflow: 500
        (StageSource("src", "Production"), GONE),  # MLflow: 500
    ],
)
def test_a_version_that_is_not_there_is_told_as_mlflow_tells_it(source: VersionSource, error: type[Exception]) -> None:
    assert isinstance(version_not_found(source), error)


LOCAL: Final = ("/x", "x", "./x", " ", "  /x", "file:/x", "file:///x", "file://localhost/x", "file:x", r"\\host\x")


@pytest.mark.parametrize("source", [*LOCAL, "file://host/x", "file://host/r/r1/artifacts"])
def test_a_path_of_this_machine_is_refused_where_artifacts_lie_elsewhere(source: str) -> None:
    for run_id, model_id in (("", ""), (RUN, ""), ("", MODEL), ("unknown", ""), ("", "m-unknown")):
        check(REFUSED, source, run_id, model_id, "")


@pytest.mark.parametrize(
    "artifacts", ["/r/r 1/artifacts", "file:///r/r%201/artifacts", "file://localhost/r/r%201/artifacts"]
)
def test_a_path_of_this_machine_may_lie_in_the_artifacts_of_a_run_or_a_model(artifacts: str) -> None:
    logged_model = LoggedModelFiles(MODEL, RUN, artifacts)
    for source in ("/r/r 1/artifacts", "/r/r 1/artifacts/x", "file:///r/r%201/artifacts/x", "file:/r/r%201/artifacts/"):
        assert files(source, RUN, run_artifacts=artifacts) == Files(source, source, RUN)
        assert files(source, "", MODEL, logged_model=logged_model) == Files(source, source, RUN)
        with pytest.raises(REFUSED):
            files(source)
    for source in (
        "/r/r 1/artifactsX",
        "/r/r%201/artifacts",
        "file:///r/r 1/x",
        "r/r 1/artifacts/x",
        "file://h/r/r%201/artifacts/x",
    ):
        with pytest.raises(REFUSED):
            files(source, RUN, run_artifacts=artifacts)


@pytest.mark.parametrize("source", [r"C:\x", "foo:bar", "foo:", "s3://bucket", "databricks://x", "s3:x"])
def test_what_has_no_absolute_path_is_refused(source: str) -> None:
    for run_id, model_id in (("", ""), (RUN, ""), ("", MODEL)):
        check(REFUSED, source, run_id, model_id, "")


OVER: Final = "%2525252525252525252525252525252e"

DOTS: Final = (
    "s3://b/a/../c",
    "s3://b/a/..",
    "s3://../p",
    "s3://b/a/./c",
    "s3://b/a/.",
    "s3://b/%2e%2e/c",
    "s3://b/%2E./c",
    "s3://b/%252e%252e/c",
    "s3://b/a%2f..%2fc",
    "s3://b/a%252f..%252fc",
    "s3://b/p?x=/../y",
    "s3://b/p#/../y",
    r"s3://b/a\..\c",
    "s3://b/a%5c..%5cc",
    f"s3://b/{OVER}{OVER}/c",
    f"{RUN_ARTIFACTS}/%2e%2e/x",
    f"{RUN_ARTIFACTS}/x%2f..%2f..%2fy",
    "runs:/r1/%2e%2e/r2",
    "models:/../1",
    "foo:/a/../b",
)


@pytest.mark.parametrize("source", DOTS)
def test_no_source_leads_out_of_its_folder(source: str) -> None:
    for run_id, model_id in (("", ""), (RUN, ""), ("", MODEL)):
        check(REFUSED, source, run_id, model_id, "")


@pytest.mark.parametrize(
    "source", ["s3://b/a\0", "s3://b/\n/c", "ht\ntp://h/x", "s3://b/\x1b", "s3://b/\u2028", "http://[x"]
)
def test_what_readers_of_uris_would_skip_or_cannot_read_is_refused(source: str) -> None:
    check(REFUSED, source, "", "", "")
    check(REFUSED, source, RUN, "", "")


# --- prompts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["dummy-source", "prompt-template"])
def test_the_placeholders_are_for_prompts_alone(source: str) -> None:
    for marker in ("true", "TRUE", "True"):
        assert files(source, marker=marker) == Files(source, source, "")
        assert files(source, "unchecked", marker=marker) == Files(source, source, "unchecked")
        assert files(source, "", MODEL, marker=marker) == Files(source, source, RUN)
        with pytest.raises(GONE):
            files(source, "", "m-unknown", marker=marker)
    for other in (None, "false", ""):
        with pytest.raises(REFUSED):
            files(source, marker=other)


@pytest.mark.parametrize("source", ["s3://b/p", "models:/src/3", "/x", "Dummy-source"])
def test_a_prompt_has_no_other_source(source: str) -> None:
    with pytest.raises(REFUSED, match="dummy-source"):
        files(source, marker="true")


def test_of_markers_given_twice_the_last_counts() -> None:
    tags = [RegistryTag(key=IS_PROMPT_TAG, value=value) for value in ("true", "false")]
    with pytest.raises(REFUSED):
        source_of(CreateModelVersion(name="n", source="dummy-source", tags=tags), OWN)
    source_of(CreateModelVersion(name="n", source="dummy-source", tags=tags[::-1]), OWN)


# --- what the operator says -------------------------------------------------------------------------------------------


def test_the_hosts_of_this_servers_own_roots_may_be_named() -> None:
    policy = SourcePolicy.from_environment(
        ("hdfs://nn:8020/root", "http://h:5000/api/2.0/mlflow-artifacts/artifacts", ""), {}
    )
    assert files("hdfs://NN:8020/elsewhere", policy=policy).storage_location == "hdfs://NN:8020/elsewhere"
    for source in ("hdfs://nn:8021/x", "hdfs://nn/x", "viewfs://nn:8020/x"):
        with pytest.raises(REFUSED, match="names a host"):
            files(source, policy=policy)


@pytest.mark.parametrize("root", ["http://h:5000/api/2.0/mlflow-artifacts/artifacts", "mlflow-artifacts://h:5000/"])
def test_this_servers_own_address_is_as_the_proxied_scheme(root: str) -> None:
    policy = SourcePolicy(own_roots=(root,))
    for top in ("http://h:5000/api/2.0/mlflow-artifacts/artifacts", "mlflow-artifacts://h:5000"):
        artifacts = f"{top}/0/r1/artifacts"
        assert files(f"{artifacts}/x", RUN, policy=policy, run_artifacts=artifacts).storage_location == f"{artifacts}/x"
        for source, run_id in ((f"{artifacts}/x", ""), (f"{top}/0/r2/artifacts/x", RUN), (artifacts, "unknown")):
            with pytest.raises(REFUSED):
                files(source, run_id, policy=policy, run_artifacts=artifacts)


def test_a_host_is_no_obstacle_where_the_run_itself_is() -> None:
    """An experiment may be at an address by which one client reached this server."""
    artifacts = "http://other-name:80/api/2.0/mlflow-artifacts/artifacts/0/r1/artifacts"
    assert files(f"{artifacts}/x", RUN, run_artifacts=artifacts) == Files(f"{artifacts}/x", f"{artifacts}/x", RUN)
    with pytest.raises(REFUSED):
        files(f"{artifacts}/x")


def test_schemes_that_name_a_host_may_be_allowed() -> None:
    policy = SourcePolicy.from_environment((), {ALLOWED_SCHEMES_VARIABLE: " HTTPS, hdfs,,mlflow-artifacts "})
    for source in ("https://h/x", "HDFS://h/x"):
        assert files(source, policy=policy) == Files(source, source, "")
    for source in ("http://h/x", "mlflow-artifacts://h/x", "mlflow-artifacts:/x"):
        with pytest.raises(REFUSED):
            files(source, policy=policy)


def test_a_source_holds_what_the_operator_asks_for() -> None:
    policy = SourcePolicy.from_environment((), {PATTERN_VARIABLE: "^s3://our-"})
    assert files("s3://our-bucket/x", policy=policy).storage_location == "s3://our-bucket/x"
    for source, marker in (("s3://b/our-x", None), ("dummy-source", "true")):
        with pytest.raises(REFUSED, match="operator"):
            files(source, policy=policy, marker=marker)
    with pytest.raises(ValueError, match=re.escape(PATTERN_VARIABLE)):
        SourcePolicy.from_environment((), {PATTERN_VARIABLE: "("})


def test_kinds_of_source() -> None:
    assert source_of(CreateModelVersion(name="n", source="s3://b/p"), OWN) == Location(must_be_owned=False)
    assert source_of(CreateModelVersion(name="n", source="/p", run_id=RUN), OWN) == Location(must_be_owned=True)
    model = CreateModelVersion(name="n", source="models:/foo", model_id="foo")
    assert source_of(model, OWN) == LoggedModelSource()
