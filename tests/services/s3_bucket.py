"""Buckets for tests: made empty, and removed with all that is in them."""

import uuid
from typing import Any, Protocol

import botocore.session
from botocore.config import Config

REGION = "us-east-1"


class S3Service(Protocol):
    """A store that speaks S3, wherever it runs."""

    @property
    def url(self) -> str: ...
    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...


def s3_client(service: S3Service) -> Any:
    """A client that blocks."""
    return botocore.session.Session().create_client(
        "s3",
        endpoint_url=service.url,
        aws_access_key_id=service.access_key,
        aws_secret_access_key=service.secret_key,
        region_name=REGION,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 5}),
    )


def fresh_bucket_name() -> str:
    """A name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:16]}"


def remove_bucket(client: Any, bucket: str) -> None:
    """Remove a bucket, its objects and the uploads under way; one that is gone already is fine."""
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            objects = [{"Key": each["Key"]} for each in page.get("Contents", [])]
            if objects:
                client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        client.delete_bucket(Bucket=bucket)
    except client.exceptions.NoSuchBucket:
        return
