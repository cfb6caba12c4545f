"""The request messages of the artifact routes that carry JSON, field for field.

Source: the field tables of MLflow's service descriptors.
"""

from collections.abc import Sequence
from typing import ClassVar

from schemas.rest.messages import Int64, Message, Required


class CreatePresignedUploadUrl(Message):
    required: ClassVar[Required] = ("path",)

    run_id: str = ""
    model_id: str = ""
    path: str = ""
    expiration: Int64 | None = None


class CreatePresignedDownloadUrl(Message):
    required: ClassVar[Required] = ("run_id", "path")

    run_id: str = ""
    path: str = ""
    expiration: Int64 | None = None


class CreateMultipartUpload(Message):
    """`path` is the name of the file where its uploader keeps it; only its last part counts."""

    required: ClassVar[Required] = ("path",)

    path: str = ""
    num_parts: Int64 = 0


class MultipartUploadPart(Message):
    part_number: Int64 = 0
    etag: str | None = None
    url: str | None = None


class CompleteMultipartUpload(Message):
    required: ClassVar[Required] = ("path",)

    path: str = ""
    upload_id: str = ""
    parts: Sequence[MultipartUploadPart] = ()


class AbortMultipartUpload(Message):
    required: ClassVar[Required] = ("path",)

    path: str = ""
    upload_id: str = ""
