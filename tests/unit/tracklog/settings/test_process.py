"""Rules of the settings: what is taken, in which form it is kept, and what is refused with a sentence."""

from pathlib import Path

import pytest

from tracklog.settings.process import (
    allowed_origins_of,
    artifact_root_of,
    artifacts_destination_of,
    folder_of,
    frame_options_of,
    host_of,
    names_of,
    static_prefix_of,
    trusted_proxies_of,
)
from tracklog.settings.store_uris import SettingRefused


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_artifacts_lie_in_a_local_folder(here: Path) -> None:
    assert artifacts_destination_of("./artifacts") == (here / "artifacts").as_uri()
    assert artifacts_destination_of("file:///srv/with%20space") == "file:///srv/with%20space"


def test_artifacts_lie_in_a_bucket() -> None:
    assert artifacts_destination_of("s3://bucket/team/") == "s3://bucket/team"


@pytest.mark.parametrize(
    "uri",
    [
        *("file://host/srv", "file://localhost.evil/srv", "file:///srv?x", "file:///srv#x", "file:", ""),
        *("s3://", "s3:///x", "s3://b?x=1", "s3://b/../c", "runs:/x"),
        *(
            "/srv/a\nb",
            "file:///srv/a%0ab",
            "file:///srv\r",
            "s3://b/a\nb",
            "s3://b\\c/x",
            "s3://b。c/x",
            "sftp://h\t/x",
        ),
    ],
)
def test_any_other_store_of_artifacts_is_refused(uri: str) -> None:
    with pytest.raises(SettingRefused):
        artifacts_destination_of(uri)


def test_a_file_is_no_folder_for_artifacts(here: Path) -> None:
    (here / "file").write_text("")
    with pytest.raises(SettingRefused, match="not a folder"):
        artifacts_destination_of("file")


@pytest.mark.parametrize(
    ("given", "serve", "root"),
    [
        (None, True, "mlflow-artifacts:/"),
        (None, False, "file:///data/artifacts"),
        ("s3://bucket/path/", True, "s3://bucket/path"),
        ("mlflow-artifacts:/", True, "mlflow-artifacts:/"),
        ("s3://bucket?endpoint=http://h:9000", True, "s3://bucket?endpoint=http://h:9000"),
        ("/srv/artifacts", True, "/srv/artifacts"),
        ("/srv/artifacts/", True, "/srv/artifacts"),
        ("/srv/a?b", True, "/srv/a?b"),
        ("file:/srv", True, "file:/srv"),
        ("file:///srv", True, "file:///srv"),
        ("mlflow-artifacts:/team?x=1", True, "mlflow-artifacts:/team?x=1"),
        ("file://localhost/srv", True, "file://localhost/srv"),
        ("mlflow-artifacts://host:5500/", True, "mlflow-artifacts://host:5500/"),
    ],
)
def test_new_experiments_keep_artifacts_where_they_are_told(given: str | None, serve: bool, root: str) -> None:
    assert artifact_root_of(given, serve_artifacts=serve, destination="file:///data/artifacts") == root


def test_a_relative_root_is_seen_from_where_the_server_is_started(here: Path) -> None:
    for given, expected in (("runs", str(here / "runs")), ("file:runs", (here / "runs").as_uri())):
        for spelt in (given, given.replace("runs", "./runs")):
            assert artifact_root_of(spelt, serve_artifacts=True, destination="file:///data/artifacts") == expected


def test_a_root_may_begin_with_the_home_of_the_servers_user(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    assert artifact_root_of("~/runs", serve_artifacts=True, destination="") == str(here / "runs")


@pytest.mark.parametrize("location", ["/srv/a?b", "file:///srv/a%3Fb", "file:/srv/a%3Fb"])
def test_a_path_and_a_uri_name_a_folder(location: str) -> None:
    assert folder_of(location) == Path("/srv/a?b")


@pytest.mark.parametrize("location", ["", "mlflow-artifacts:/", "s3://bucket/folder", "http://h/folder"])
def test_anything_else_names_none(location: str) -> None:
    assert folder_of(location) is None


def test_a_server_that_passes_no_artifacts_may_name_one_that_does() -> None:
    root = artifact_root_of("mlflow-artifacts://host:5500/team", serve_artifacts=False, destination="")
    assert root == "mlflow-artifacts://host:5500/team"


@pytest.mark.parametrize(
    ("given", "destination"), [("ftp://user:secret@host/x", ""), (None, "sftp://user:secret@host/x")]
)
def test_a_password_is_refused_where_clients_would_be_told_it(given: str | None, destination: str) -> None:
    with pytest.raises(SettingRefused, match="password") as refused:
        artifact_root_of(given, serve_artifacts=False, destination=destination)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "serve"),
    [
        *(("mlflow-artifacts:/", False), ("s3://b/../c", True), ("s3://b?x=1", True), ("file:///srv/%2e%2e/x", True)),
        *(("file:///srv?x=1", True), ("http://h/api/2.0/mlflow-artifacts/artifacts?x=1", True), ("gs://b?x=1", True)),
        *(("s3://b?endpoint=h:9000", True), ("s3://b#x", True), ("/srv#x", True)),
        *(("file://host/srv", True), ("/srv\n", True), ("mlflow-artifacts:/a%0ab", True), ("s3://b/a\rb", True)),
        *(("mlflow-artifacts://host:99999/", True), ("mlflow-artifacts://user@host/", True), ("http://[bad/x", True)),
        *(("mlflow-artifacts://host\\@evil/", True), ("http://h。example/api/2.0/mlflow-artifacts/artifacts", True)),
    ],
)
def test_a_root_that_could_not_be_used_is_refused(given: str, serve: bool) -> None:
    with pytest.raises(SettingRefused):
        artifact_root_of(given, serve_artifacts=serve, destination="file:///data/artifacts")


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


def test_trusted_proxies_are_networks() -> None:
    assert trusted_proxies_of(None) == ()
    assert [str(one) for one in trusted_proxies_of("10.0.0.0/8, 127.0.0.1,::1")] == [
        "10.0.0.0/8",
        "127.0.0.1/32",
        "::1/128",
    ]
    for bad in ("10.0.0.1/8", "proxy", ",", "10.0.0.0/33"):
        with pytest.raises(SettingRefused, match="--trusted-proxies"):
            trusted_proxies_of(bad)


def test_a_refusal_is_one_sentence_without_passwords() -> None:
    with pytest.raises(SettingRefused) as refused:
        artifacts_destination_of("mysql://user:secret@host/x")
    assert str(refused.value).endswith((".", ")"))
    assert "secret" not in str(refused.value)
