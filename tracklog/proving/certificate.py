"""A certificate of an erasure: what was erased, when, by whom and why, for whoever has nothing but the public key.

It holds the erasure itself with the proof that it is in the log under a signed checkpoint, and of each event that it
erased the id and the hash of its leaf, over which the erasure has one hash.
"""

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from event_log.erased_reads import erasure_in
from event_log.forgetting import ERASURE_TYPES
from event_log.port import EventFilter, EventLogReader
from event_log.proof.checkpoint import SignedSize
from event_log.proof.leaf import leaf_of
from event_log.proof.note import BadNote, PublicKey, verified
from event_log.proof.tree import verifies_inclusion
from schemas.envelope import Actor, RecordedEvent
from schemas.event_json import event_id_text, time_text
from schemas.events import ordering_unit_of
from tracklog.proving.proof_store import ProofStore
from tracklog.proving.stored_tree import inclusion

FORMAT: Final = "tracklog erasure 1"
_AT_ONCE: Final = 500


class NoCertificate(Exception):
    """There is none to give, or a text is none; the message says why."""


class ErasureEntry(msgspec.Struct, frozen=True):
    """An event that was erased: what stays of it. `leaf` is in hexadecimal digits."""

    id: str
    type: str
    stream: str
    partition: int
    offset: int
    time: str
    leaf: str


class StoredErasure(msgspec.Struct, frozen=True):
    """The erasure as the log holds it: `payload` byte for byte."""

    id: str
    type: str
    version: int
    stream: str
    time_us: int
    actor: Actor
    request_id: str
    partition: int
    offset: int
    payload: str


class Certificate(msgspec.Struct, frozen=True):
    """`hashes`, in Base64, lead from the leaf of the erasure to the root of `checkpoint`, from the leaf upwards."""

    format: str
    erasure: StoredErasure
    time: str
    reason: str
    by: str
    events: list[ErasureEntry]
    artifacts: int | None
    artifact_bytes: int | None
    checkpoint: str
    hashes: list[str]


async def certificate(log: EventLogReader, store: ProofStore, stream: str) -> Certificate:
    """Of the last erasure of a stream, such as `run/<id>`. Raises NoCertificate, LogUnavailable."""
    partition = log.partition_of(ordering_unit_of(stream))
    found = [one for one in await _all_of(log, partition, stream) if one.type in ERASURE_TYPES]
    erasure = erasure_in(found[-1]) if found else None
    if erasure is None:
        raise NoCertificate(f"There is no erasure of {stream} in the log.")
    recorded = found[-1]
    if not erasure.leaves:
        raise NoCertificate(f"{stream} was deleted by a client: that holds no hash over what went, to be proven.")
    newest = (await store.newest()).get(partition)
    if newest is None or newest.size <= recorded.offset:
        raise NoCertificate(
            f"The erasure of {stream} is not signed yet: a second after it, it is, where there is a key."
        )
    _, hashes = await inclusion(store, partition, recorded.offset, newest.size)
    events: list[ErasureEntry] = []
    for one in erasure.streams:
        of_stream = await _all_of(log, log.partition_of(ordering_unit_of(one)), one)
        events += [_erased(each) for each in of_stream if each.partition != partition or each.offset < recorded.offset]
    return Certificate(
        FORMAT,
        StoredErasure(
            event_id_text(recorded.id),
            recorded.type,
            recorded.version,
            recorded.stream,
            recorded.time_us,
            recorded.actor,
            recorded.request_id,
            partition,
            recorded.offset,
            recorded.payload.decode(),
        ),
        time_text(recorded.time_us),
        erasure.reason,
        recorded.actor.user,
        events,
        erasure.artifacts,
        erasure.artifact_bytes,
        newest.note,
        [base64.b64encode(one).decode() for one in hashes],
    )


def parse(text: bytes) -> Certificate:
    """Raises NoCertificate."""
    try:
        found = msgspec.json.decode(text, type=Certificate)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise NoCertificate(f"it is no certificate of an erasure: {error}") from error
    if found.format != FORMAT:
        raise NoCertificate(f"it is {found.format!r}, and not {FORMAT!r}")
    return found


def faults(found: Certificate, trusted: "frozenset[PublicKey]") -> Sequence[str]:
    """What of a certificate is not so; nothing where all of it is proven."""
    stored = found.erasure
    try:
        recorded = RecordedEvent(
            *(stored.partition, stored.offset, bytes.fromhex(stored.id.replace("-", "")), stored.type, stored.version),
            *(stored.stream, stored.time_us, stored.actor, stored.request_id, stored.payload.encode()),
        )
        signed = SignedSize.parse(verified(found.checkpoint, trusted))
        proof = [base64.b64decode(one, validate=True) for one in found.hashes]
        leaves = b"".join(bytes.fromhex(one.leaf) for one in found.events)
    except BadNote as error:
        return [f"its checkpoint: {error}"]
    except (ValueError, binascii.Error) as error:
        return [f"a hash or an id in it is none: {error}"]
    erasure = erasure_in(recorded)
    if erasure is None:
        return ["what it holds is no erasure"]
    wrong = []
    leaf = leaf_of(recorded).hash
    if signed.partition != stored.partition or not verifies_inclusion(
        leaf, stored.offset, signed.size, proof, signed.root
    ):
        wrong.append("the erasure is not in the log that was signed, or not as it is here")
    if sha256(leaves).hexdigest() != erasure.leaves:
        wrong.append("the events are not those that the erasure tells of")
    told = (time_text(stored.time_us), erasure.reason, stored.actor.user, erasure.artifacts, erasure.artifact_bytes)
    if told != (found.time, found.reason, found.by, found.artifacts, found.artifact_bytes):
        wrong.append("what it says of the erasure is not what the erasure says")
    return wrong


def _erased(event: RecordedEvent) -> ErasureEntry:
    return ErasureEntry(
        *(event_id_text(event.id), event.type, event.stream, event.partition, event.offset, time_text(event.time_us)),
        leaf_of(event).hash.hex(),
    )


async def _all_of(log: EventLogReader, partition: int, stream: str) -> list[RecordedEvent]:
    """Without what they hold, but for erasures: a run may have a million events."""
    found: list[RecordedEvent] = []
    offset = 0
    while events := await log.read(partition, offset, limit=_AT_ONCE, matching=EventFilter(stream=stream)):
        found += events
        offset = events[-1].offset + 1
    return found
