"""Which bucket artifacts go to and how it is reached: an `s3://` URI and the environment variables of MLflow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from artifact_proxy.artifact_path import ROOT, ArtifactPath, folder_path
from schemas.errors import InvalidParameterValue

TRUE_WORDS: Final = ("true", "1")
FALSE_WORDS: Final = ("false", "0")

SENT_WITH_EACH_PART: Final = ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5", "RequestPayer")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """A folder of a bucket. Credentials, profile, role and region are found by botocore's own chain, not kept here.

    `upload_args` are named as S3 names them, such as {"ServerSideEncryption": "aws:kms"}.
    """

    bucket: str
    prefix: ArtifactPath = ROOT
    endpoint_url: str | None = None
    ignore_tls: bool = False
    upload_args: Mapping[str, str] = field(default_factory=dict)
    expected_bucket_owner: str | None = None
    addressing_style: str = "auto"

    @classmethod
    def from_uri(cls, uri: str, environ: Mapping[str, str]) -> "S3Settings":
        """The settings of `s3://bucket/prefix?endpoint=http://host:port`, the query being optional.

        The prefix is taken as it stands, nothing in it is decoded. An endpoint goes before that of the variable.
        Source: MLflow's S3 artifact repository, and its names of the variables.
        Raises ValueError, with a sentence.
        """
        parts = urlsplit(uri)
        if parts.scheme != "s3" or not parts.hostname or parts.fragment:
            raise ValueError(f"{uri!r} is not of the form s3://bucket/prefix.")
        return cls(
            bucket=parts.netloc,
            prefix=prefix_of(parts.path),
            endpoint_url=endpoint_of(parts.query) or environ.get("MLFLOW_S3_ENDPOINT_URL") or None,
            ignore_tls=truth_of("MLFLOW_S3_IGNORE_TLS", environ),
            upload_args=upload_args_of(environ.get("MLFLOW_S3_UPLOAD_EXTRA_ARGS", "")),
            expected_bucket_owner=environ.get("MLFLOW_S3_EXPECTED_BUCKET_OWNER") or None,
            addressing_style=environ.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE") or "auto",
        )

    def new_object(self, key: str, content_type: str) -> dict[str, Any]:
        """The arguments with which an object is made."""
        return {"Key": key, "ContentType": content_type, **self.upload_args}

    def each_part(self) -> dict[str, Any]:
        """Those of the upload's arguments that S3 wants with each part, too."""
        return {name: self.upload_args[name] for name in SENT_WITH_EACH_PART if name in self.upload_args}


def endpoint_of(query: str) -> str | None:
    """The address of the store that the query of an s3:// URI names, None for an empty one.

    Raises ValueError for anything else in the query, without its values: they may be secrets.
    """
    fields = parse_qsl(query, keep_blank_values=True)
    if not query:
        return None
    if [name for name, _ in fields] != ["endpoint"]:
        names = ", ".join(repr(name) for name, _ in fields)
        raise ValueError(
            f"The query of an s3:// URI is endpoint=http://host:port; this one holds {names or 'nothing'}."
        )
    ((_, endpoint),) = fields
    if not is_endpoint(endpoint):
        raise ValueError("The endpoint in an s3:// URI must look like http://host:port or https://host:port.")
    return endpoint


def is_endpoint(address: str) -> bool:
    """Whether `address` is that of a server, without credentials, which clients would be told."""
    try:
        parts = urlsplit(address)
        _checked_port = parts.port
    except ValueError:
        return False
    is_plain = address.isprintable() and not (parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain


def prefix_of(path: str) -> ArtifactPath:
    """The folder in the bucket that a URI's path names.

    Raises ValueError.
    """
    try:
        return folder_path(path.removeprefix("/"))
    except InvalidParameterValue as error:
        raise ValueError(f"The prefix {path!r} cannot hold artifacts. {error.message}") from error


def truth_of(name: str, environ: Mapping[str, str]) -> bool:
    """Whether the variable `name` is set to true; false when it is not set.

    Raises ValueError for other words.
    """
    word = environ.get(name, "false").lower()
    if word not in (*TRUE_WORDS, *FALSE_WORDS):
        raise ValueError(f"{name} must be true or false, not {word!r}.")
    return word in TRUE_WORDS


def upload_args_of(text: str) -> dict[str, str]:
    """The arguments of an upload that a JSON object holds.

    Raises ValueError for what is no object of texts.
    """
    if not text:
        return {}
    try:
        args = json.loads(text)
    except ValueError as error:
        raise ValueError(f"MLFLOW_S3_UPLOAD_EXTRA_ARGS is not JSON: {error}.") from error
    if not isinstance(args, dict) or not all(isinstance(value, str) for value in args.values()):
        raise ValueError("MLFLOW_S3_UPLOAD_EXTRA_ARGS must be a JSON object of texts.")
    return args
