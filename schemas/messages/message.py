"""What all requests are, and the parts that several of them hold."""

from typing import Annotated, ClassVar

import msgspec

from schemas.messages.bounds import MAX_NEW_PAIRS, MAX_TAG_CHARACTERS, Cut, Key
from schemas.mlflow import LARGEST_INT64, LEAST_INT64

Int64 = Annotated[int, msgspec.Meta(ge=LEAST_INT64, le=LARGEST_INT64)]
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Required = tuple[str | tuple[str, ...], ...]


class Message(msgspec.Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A request. Unknown fields take the slow path of `schemas.rest.decode`, where they are ignored."""

    required: ClassVar[Required] = ()
    plain: "ClassVar[type[Message] | None]" = None
    """A base class with fewer fields, which the common request fills; a request may be decoded as that instead."""


class KeyValue(Message):
    """A tag or a param inside a request."""

    required: ClassVar[Required] = ("key",)

    key: Key = ""
    value: Annotated[str, Cut(MAX_TAG_CHARACTERS)] = ""
    """A param's is cut shorter."""


NewPairs = Annotated[list[KeyValue], msgspec.Meta(max_length=MAX_NEW_PAIRS)]
