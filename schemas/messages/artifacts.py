"""The requests about the artifacts of runs, and of versions of registered models."""

from typing import ClassVar

from schemas.messages.bounds import Name, PageToken, Path, Word
from schemas.messages.message import Message, Required
from schemas.messages.runs import RunMessage


class ListArtifacts(RunMessage):
    path: Path = ""
    page_token: PageToken = ""


class GetModelVersionArtifact(Message):
    required: ClassVar[Required] = ("name", "path")

    name: Name = ""
    version: Word = ""
    path: Path = ""
