"""Checkpoints of a log: signed notes that say how many events a partition has, and the root over them.

As https://c2sp.org/tlog-checkpoint has them. The first line, the origin, names the log and the partition.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final, Self

from event_log.proof.leaf import HASH_BYTES
from event_log.proof.note import BadNote

_ORIGIN: Final = re.compile(r"tracklog/(?P<log>[0-9a-f-]{36})/(?P<partition>0|[1-9][0-9]{0,8})")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class SignedSize:
    """What a checkpoint says: the partition of the log has `size` events, and the tree over them this root."""

    log_id: str
    partition: int
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of the text of a note. Lines after the third are passed over. Raises BadNote."""
        lines = text.split("\n")
        origin = _ORIGIN.fullmatch(lines[0])
        if len(lines) < 4 or origin is None or _SIZE.fullmatch(lines[1]) is None:
            raise BadNote("it is no checkpoint of a partition of a log")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except binascii.Error as error:
            raise BadNote("the root of the checkpoint is no Base64") from error
        if len(root) != HASH_BYTES:
            raise BadNote("the root of the checkpoint is no SHA-256")
        return cls(origin["log"], int(origin["partition"]), int(lines[1]), root)

    def text(self) -> str:
        """The text of the note."""
        return f"{origin_of(self.log_id, self.partition)}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(log_id: str, partition: int) -> str:
    """The name of a partition's tree."""
    return f"tracklog/{log_id}/{partition}"
