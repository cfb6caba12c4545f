"""The request messages of the artifact routes that carry JSON, field for field.

Source: the field tables of MLflow's service descriptors.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

import msgspec

from schemas.messages.bounds import Id, Path
from schemas.messages.message import Int64, Message, Required

MAX_PARTS: Final = 10_000
"""Of one upload, as S3 has it."""
MAX_ETAG_CHARACTERS: Final = 1024
MAX_URL_CHARACTERS: Final = 16_384

UploadId = Annotated[str, msgspec.Meta(max_length=2048)]
"""S3's have some hundred characters."""


class CreatePresignedUploadUrl(Message):
    required: ClassVar[Required] = ("path",)

    run_id: Id = ""
    model_id: Id = ""
    path: Path = ""
    expiration: Int64 | None = None


class CreatePresignedDownloadUrl(Message):
    required: ClassVar[Required] = ("run_id", "path")

    run_id: Id = ""
    path: Path = ""
    expiration: Int64 | None = None


class CreateMultipartUpload(Message):
    """`path` is the name of the file where its uploader keeps it; only its last part counts."""

    required: ClassVar[Required] = ("path",)

    path: Path = ""
    num_parts: Int64 = 0


class MultipartUploadPart(Message):
    part_number: Int64 = 0
    etag: Annotated[str, msgspec.Meta(max_length=MAX_ETAG_CHARACTERS)] | None = None
    url: Annotated[str, msgspec.Meta(max_length=MAX_URL_CHARACTERS)] | None = None


class CompleteMultipartUpload(Message):
    required: ClassVar[Required] = ("path",)

    path: Path = ""
    upload_id: UploadId = ""
    parts: Annotated[Sequence[MultipartUploadPart], msgspec.Meta(max_length=MAX_PARTS)] = ()


class AbortMultipartUpload(Message):
    required: ClassVar[Required] = ("path",)

    path: Path = ""
    upload_id: UploadId = ""
