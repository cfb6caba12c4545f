"""The requests about the artifacts of runs."""

from schemas.messages.bounds import PageToken, Path
from schemas.messages.runs import RunMessage


class ListArtifacts(RunMessage):
    path: Path = ""
    page_token: PageToken = ""
