"""Rules of the settings: what is taken, in which form it is kept, and what is refused with a sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tracklog.settings import (
    SettingRefused,
    Settings,
    WebSettings,
    allowed_origins_of,
    artifact_root_of,
    artifacts_folder_of,
    frame_options_of,
    host_of,
    log_file_of,
    names_of,
    redacted,
    static_prefix_of,
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:///a.db", "a.db"),
        ("sqlite:///data/a.db", "data/a.db"),
        ("sqlite:///with%20space.db", "with space.db"),
        ("a.db", "a.db"),
        ("./data/a.db", "data/a.db"),
    ],
)
def test_a_relative_log_lies_below_the_working_folder(here: Path, uri: str, path: str) -> None:
    assert log_file_of(uri) == here / path


def test_four_slashes_name_an_absolute_log() -> None:
    assert log_file_of("sqlite:////var/lib/tracklog.db") == Path("/var/lib/tracklog.db")


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://user:secret@db/mlflow",
        "mysql://db/mlflow",
        "file:///tmp/mlruns",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://host/a.db",
        "sqlite:///a.db?mode=ro",
        "databricks:profile",
        "",
        "sqlite:///.",
    ],
)
def test_anything_but_a_file_is_refused_as_log(uri: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        log_file_of(uri)
    assert "secret" not in str(refused.value)


def test_artifacts_lie_in_a_local_folder(here: Path) -> None:
    assert artifacts_folder_of("./artifacts") == here / "artifacts"
    assert artifacts_folder_of("file:///srv/with%20space") == Path("/srv/with space")


@pytest.mark.parametrize("uri", ["s3://bucket", "gs://bucket/path", "file://host/srv", "", "hdfs://n:1/x"])
def test_any_other_store_of_artifacts_is_refused(uri: str) -> None:
    with pytest.raises(SettingRefused):
        artifacts_folder_of(uri)


def test_a_file_is_no_folder_for_artifacts(here: Path) -> None:
    (here / "file").write_text("")
    with pytest.raises(SettingRefused, match="not a folder"):
        artifacts_folder_of("file")


@pytest.mark.parametrize(
    ("given", "serve", "root"),
    [
        (None, True, "mlflow-artifacts:/"),
        (None, False, "file:///data/artifacts"),
        ("s3://bucket/path/", True, "s3://bucket/path"),
        ("mlflow-artifacts:/", True, "mlflow-artifacts:/"),
        ("/srv/artifacts", True, "file:///srv/artifacts"),
    ],
)
def test_new_experiments_keep_artifacts_where_they_are_told(given: str | None, serve: bool, root: str) -> None:
    assert artifact_root_of(given, serve_artifacts=serve, artifacts_folder=Path("/data/artifacts")) == root


@pytest.mark.parametrize(
    ("given", "serve"), [("mlflow-artifacts:/", False), ("s3://b/../c", True), ("s3://b?x=1", True)]
)
def test_a_root_that_could_not_be_used_is_refused(given: str, serve: bool) -> None:
    with pytest.raises(SettingRefused):
        artifact_root_of(given, serve_artifacts=serve, artifacts_folder=Path("/data/artifacts"))


def test_a_static_prefix_begins_with_a_slash_and_does_not_end_with_one() -> None:
    assert [static_prefix_of(None), static_prefix_of(""), static_prefix_of("/ml/team")] == ["", "", "/ml/team"]
    for bad in ("ml", "/ml/", "/", "//ml", "/m l", "/{x}", "/a%20b"):
        with pytest.raises(SettingRefused):
            static_prefix_of(bad)


def test_names_are_split_at_commas_and_an_empty_list_is_refused() -> None:
    assert names_of("--allowed-hosts", None) is None
    assert names_of("--allowed-hosts", "A.example, b:1,") == ("a.example", "b:1")
    with pytest.raises(SettingRefused, match="--allowed-hosts is empty"):
        names_of("--allowed-hosts", " , ")


def test_an_origin_has_a_scheme_and_no_path() -> None:
    assert allowed_origins_of("https://App.example, *") == ("https://app.example", "*")
    for bad in ("app.example", "https://app.example/", "ftp://app.example"):
        with pytest.raises(SettingRefused):
            allowed_origins_of(bad)


def test_frame_options_are_those_of_mlflow() -> None:
    assert [frame_options_of(value) for value in ("sameorigin", "DENY", "none")] == ["SAMEORIGIN", "DENY", None]
    with pytest.raises(SettingRefused):
        frame_options_of("ALLOWALL")


def test_a_host_is_an_address_or_a_name() -> None:
    assert [host_of(value) for value in ("127.0.0.1", "[::1]", "box")] == ["127.0.0.1", "::1", "box"]
    for bad in ("", "http://box", "box:1", "a b"):
        with pytest.raises(SettingRefused):
            host_of(bad)


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:1/ml"), ("0.0.0.0", "http://127.0.0.1:1/ml"), ("::1", "http://[::1]:1/ml")],
)
def test_the_address_is_one_a_client_on_this_machine_can_use(host: str, address: str) -> None:
    settings = Settings(
        host=host,
        port=0,
        log_file=Path("/log"),
        artifacts_folder=Path("/artifacts"),
        default_artifact_root="mlflow-artifacts:/",
        web=WebSettings(static_prefix="/ml"),
    )
    assert settings.address_at(1) == address


@pytest.mark.parametrize("check", [log_file_of, artifacts_folder_of])
def test_a_refusal_is_one_sentence_without_passwords(check: Callable[[str], Path]) -> None:
    with pytest.raises(SettingRefused) as refused:
        check("ftp://user:secret@host/x")
    assert str(refused.value).endswith((".", ")"))
    assert "secret" not in str(refused.value)


def test_only_the_password_of_a_uri_is_hidden() -> None:
    assert redacted("s3://bucket/path") == "s3://bucket/path"
    assert redacted("ftp://user:secret@host/x") == "ftp://user:***@host/x"
