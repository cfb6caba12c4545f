"""Which store a URI names, and the message for the operator when there is none, or something is missing."""

import subprocess
import sys

import pytest

from artifact_proxy.artifact_path import folder_path
from artifact_proxy.stores import by_uri as store_by_uri
from artifact_proxy.stores.buckets.azure_settings import AzureSettings
from artifact_proxy.stores.buckets.gcs_settings import GcsSettings
from artifact_proxy.stores.by_uri import ADAPTERS, check_store, store_at
from artifact_proxy.stores.servers.webhdfs_settings import WebhdfsSettings
from artifact_proxy.stores.uri import StoreUri, UnusableStore, server_uri, without_password

URIS = [
    "file:///srv/artifacts",
    "s3://bucket/prefix",
    "gs://bucket/prefix",
    "wasbs://container@account.blob.core.windows.net/prefix",
    "abfss://container@account.dfs.core.windows.net/prefix",
    "sftp://user@host:2222/srv/artifacts",
    "ftp://user:password@host/artifacts",
    "ftps://host/artifacts",
    "hdfs://namenode:8020/artifacts",
]


@pytest.mark.parametrize("uri", URIS)
def test_every_scheme_names_a_store(uri: str) -> None:
    check_store(uri, {})
    assert store_at(uri, {}).multipart is not None


def test_checking_a_uri_imports_no_librarys() -> None:
    code = (
        "import sys\nfrom artifact_proxy.stores.by_uri import check_store\n"
        f"for uri in {URIS!r}: check_store(uri, {{}})\n"
        "print({'obstore', 'asyncssh', 'aioftp', 'aiobotocore', 'botocore'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize("uri", ["mysql://user:secret@host/x", "dbfs:/x", "http://host/x", "C:/x", "runs:/1/x", ""])
def test_a_scheme_without_an_adapter_is_refused_naming_those_with_one(uri: str) -> None:
    with pytest.raises(UnusableStore, match="sftp://") as refused:
        check_store(uri, {})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        *("s3://", "s3:///x", "s3://key:secret@bucket/x", "s3://bucket/../x", "s3://bucket/x?a=1", "s3://bucket/x#a"),
        *("gs://", "gs://u@b/x", "gs://b:1/x", "gs://b/x?y", "gs://b/../x", "gs://b//x", "gs://b:port/x"),
        *("wasbs://account.blob.core.windows.net/x", "wasbs://container@account/x", "wasbs://c:secret@a.blob/x"),
        *("wasbs://container@account.blob.evil.com/x", "abfss://container@account.dfs.core.windows.net.evil.com/x"),
        *("wasbs://con%2ftainer@account.blob.core.windows.net/x", "wasbs://c@acc%20ount.blob.core.windows.net/x"),
        *("s3://bucket/a\nb", "gs://bucket/a\r", "sftp://host/a\tb", "hdfs://h\n/x", "file:///a\nb"),
        *("sftp:///x", "sftp://user:secret@/x", "sftp://user:secret@host/a/../b", "ftp:///x", "ftp://u:secret@h/x#y"),
        *("hdfs:///x", "viewfs://cluster/x", "hdfs://user:secret@host/x"),
    ],
)
def test_a_form_that_is_none_is_refused_without_its_password(uri: str) -> None:
    with pytest.raises(UnusableStore) as refused:
        check_store(uri, {})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("scheme", [scheme for scheme, adapter in ADAPTERS.items() if adapter.library])
def test_a_missing_extra_is_said_in_a_sentence_with_the_command_that_brings_it(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_by_uri, "is_installed", lambda _library: False)
    with pytest.raises(UnusableStore, match=rf"pip install 'tracklog\[{ADAPTERS[scheme].extra}\]'\.$"):
        check_store(f"{scheme}://container@account.example/x", {})


def test_a_library_within_a_package_that_is_missing_is_not_installed() -> None:
    assert store_by_uri.is_installed("asyncio.locks")
    assert not store_by_uri.is_installed("no_such_package.module")


def test_a_uri_is_taken_apart_and_shown_without_its_password() -> None:
    uri = StoreUri.parse("sftp://us%40er:pa%3Ass@[::1]:22/a b/c%20d")
    assert (uri.user, uri.password, uri.host, uri.port) == ("us@er", "pa:ss", "::1", 22)
    assert uri.folder == folder_path("a b/c%20d")
    assert "pa" not in f"{uri} {uri!r}".replace("parse", "")
    assert without_password("sftp://u:p@h/x") == "sftp://u:***@h/x"
    assert without_password("s3://bucket/x") == "s3://bucket/x"


def test_a_password_may_be_in_the_environment() -> None:
    environ = {"TRACKLOG_ARTIFACTS_PASSWORD": "there"}
    assert server_uri("ftp://u@h/x", environ).password == "there"
    assert server_uri("ftp://u:here@h/x", environ).password == "here"


def test_azure_is_reached_as_the_variables_say() -> None:
    uri = "wasbs://container@account.blob.core.windows.net/a/b"
    plain = AzureSettings.from_uri(uri, {"AZURE_STORAGE_ACCESS_KEY": "k=="})
    assert (plain.account, plain.container, str(plain.prefix), plain.key) == ("account", "container", "a/b", "k==")
    given = "DefaultEndpointsProtocol=https;AccountName=other;AccountKey=abc==;BlobEndpoint=http://127.0.0.1:1/other;"
    other = AzureSettings.from_uri(uri, {"AZURE_STORAGE_CONNECTION_STRING": given})
    assert (other.account, other.key, other.endpoint) == ("other", "abc==", "http://127.0.0.1:1/other")
    assert "abc" not in repr(other)
    elsewhere = AzureSettings.from_uri(
        "wasbs://container@account.blob.local.stack/a", {"AZURE_STORAGE_CONNECTION_STRING": given}
    )
    assert elsewhere.endpoint == "http://127.0.0.1:1/other"


def test_google_is_reached_unless_an_emulator_is_named() -> None:
    assert GcsSettings.from_uri("gs://b/x", {}).endpoint_url == "https://storage.googleapis.com"
    emulated = GcsSettings.from_uri("gs://b/x", {"STORAGE_EMULATOR_HOST": "127.0.0.1:1"})
    assert (emulated.endpoint_url, emulated.is_emulator) == ("http://127.0.0.1:1", True)


def test_webhdfs_is_where_the_variable_says_or_at_the_name_nodes_usual_port() -> None:
    usual = WebhdfsSettings.from_uri("hdfs://me@namenode:8020/a", {})
    assert (usual.addresses, usual.user, str(usual.folder)) == (("http://namenode:9870",), "me", "a")
    environ = {"TRACKLOG_WEBHDFS_URL": "http://one:1/, https://two:2", "HADOOP_USER_NAME": "team"}
    several = WebhdfsSettings.from_uri("viewfs://cluster/a", environ)
    assert (several.addresses, several.user) == (("http://one:1", "https://two:2"), "team")
    with pytest.raises(UnusableStore, match="TRACKLOG_WEBHDFS_URL"):
        WebhdfsSettings.from_uri("hdfs://h/a", {"TRACKLOG_WEBHDFS_URL": "namenode:9870"})
