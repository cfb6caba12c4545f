"""Claims to a name: how a repeated request to create something is distinguished from the request of another client."""

import hashlib

from msgspec import structs

from schemas import codec
from schemas.envelope import Actor
from schemas.events import ExperimentCreated


def claim_of(actor: Actor, event: ExperimentCreated) -> str:
    """64 hexadecimal digits that are the same for the same actor, as the log keeps it, and the same event.

    Whoever is to own the experiment: that is not said in a request.
    """
    known = "\0".join((actor.user, actor.address, actor.user_agent)).encode(errors="replace")
    return hashlib.sha256(known + b"\0" + codec.encode(structs.replace(event, owner=None))).hexdigest()
