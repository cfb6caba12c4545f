"""Where an s3:// URI and the environment lead, and what of them is refused."""

import pytest

from artifact_proxy.artifact_path import ROOT, folder_path
from artifact_proxy.stores.s3.settings import S3Settings


def test_a_uri_names_a_bucket_and_a_folder_in_it() -> None:
    settings = S3Settings.from_uri("s3://My-bucket/a/b%20c/", {})
    assert (settings.bucket, settings.prefix) == ("My-bucket", folder_path("a/b%20c"))
    assert S3Settings.from_uri("s3://bucket", {}).prefix == ROOT


def test_the_environment_says_how_the_store_is_reached() -> None:
    settings = S3Settings.from_uri(
        "s3://bucket",
        {
            "MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9000",
            "MLFLOW_S3_IGNORE_TLS": "True",
            "MLFLOW_S3_UPLOAD_EXTRA_ARGS": '{"ServerSideEncryption": "aws:kms"}',
            "MLFLOW_S3_EXPECTED_BUCKET_OWNER": "123456789012",
            "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE": "path",
        },
    )
    assert settings.endpoint_url == "http://127.0.0.1:9000"
    assert settings.ignore_tls
    assert settings.upload_args == {"ServerSideEncryption": "aws:kms"}
    assert settings.expected_bucket_owner == "123456789012"
    assert settings.addressing_style == "path"


@pytest.mark.parametrize(
    "uri", ["s3://bucket/a?endpoint=http://h:9000", "s3://bucket/a/?endpoint=http%3A%2F%2Fh%3A9000"]
)
def test_an_endpoint_in_the_uri_goes_before_that_of_the_environment(uri: str) -> None:
    settings = S3Settings.from_uri(uri, {"MLFLOW_S3_ENDPOINT_URL": "http://other"})
    assert (settings.bucket, settings.prefix, settings.endpoint_url) == ("bucket", folder_path("a"), "http://h:9000")


@pytest.mark.parametrize(
    "query",
    [
        *("x=1", "b", "endpoint", "endpoint=", "endpoint=h:9000", "endpoint=ftp://h", "endpoint=http://", "&"),
        *("endpoint=http://h&secret=hush", "endpoint=http://h&endpoint=http://i", "endpoint=http://u:hush@h"),
        *("endpoint=http://h:99999", "endpoint=http://h?hush", "endpoint=http://h%23hush", "endpoint=http://[h"),
    ],
)
def test_any_other_query_is_refused_without_what_may_be_secret_in_it(query: str) -> None:
    with pytest.raises(ValueError, match=r"s3:// URI") as refused:
        S3Settings.from_uri(f"s3://bucket/a?{query}", {})
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("uri", ["s3://", "s3:///a", "s3:bucket", "gs://bucket", "s3://bucket/a#b"])
def test_a_uri_of_another_form_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        S3Settings.from_uri(uri, {})


@pytest.mark.parametrize("prefix", ["a/../b", "a//b", "/a"])
def test_a_prefix_that_is_no_folder_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        S3Settings.from_uri(f"s3://bucket/{prefix}", {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_S3_IGNORE_TLS", "perhaps"),
        ("MLFLOW_S3_UPLOAD_EXTRA_ARGS", "{"),
        ("MLFLOW_S3_UPLOAD_EXTRA_ARGS", "[]"),
        ("MLFLOW_S3_UPLOAD_EXTRA_ARGS", '{"a": 1}'),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        S3Settings.from_uri("s3://bucket", {name: value})
