"""The requests about undoing what happened."""

from typing import ClassVar

from schemas.messages.bounds import Name, Path, Word
from schemas.messages.message import Message, Required


class PlanUndo(Message):
    """What is to be undone, said in one of four ways.

    `event`: the id of one event, or its place as `<partition>:<offset>`. `request_id`: what one request did.
    `actor` with `since` and `until`: what a user did in a time. `stream` with `to`: what happened to one run,
    experiment or registered model from a moment on. Times are RFC 3339, or milliseconds since the Unix epoch.
    `over_later`: also what was changed again later.
    """

    event: Word = ""
    request_id: Name = ""
    actor: Name = ""
    since: Word = ""
    until: Word = ""
    stream: Path = ""
    to: Word = ""
    over_later: bool = False


class ApplyUndo(PlanUndo):
    """The same again, with the digest of the plan that is to be carried out."""

    required: ClassVar[Required] = ("digest",)

    digest: Word = ""
