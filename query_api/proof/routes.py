"""The routes of checkpoints and proofs, for whoever audits the log."""

import base64
from collections.abc import Iterable

import orjson
from aiohttp import web

from query_api.proof.port import Proofs, SignedCheckpoint
from query_api.reads import tracklog_read
from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.message import Int32, Int64, Message
from schemas.rest.decode import read_message
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.route import Route
from schemas.rest.rules import READ_ALL_HISTORY


class GetCheckpoint(Message):
    """The newest one of a partition."""

    partition: Int32 = 0


class GetKeys(Message):
    """Nothing more is asked."""


class GetProof(Message):
    """That the event at `offset` is under the newest checkpoint, or, with `old_size`, that an older one of this size
    says the same of the events that both are over."""

    partition: Int32 = 0
    offset: Int64 | None = None
    old_size: Int64 | None = None


def proof_routes(proofs: Proofs) -> tuple[Route, ...]:
    """Checkpoints tell nothing of the events; proofs tell hashes of them."""

    async def newest(partition: int) -> SignedCheckpoint:
        found = await proofs.newest(partition)
        if found is None:
            raise ResourceDoesNotExist(f"Nothing is signed of partition {partition} of the log.")
        return found

    async def get_checkpoint(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, GetCheckpoint)
        return _text((await newest(message.partition)).note)

    async def get_keys(request: web.Request) -> web.StreamResponse:
        await read_message(request, GetKeys)
        return _text(await proofs.keys())

    async def get_proof(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, GetProof)
        checkpoint = await newest(message.partition)
        if message.offset is not None and message.old_size is None:
            if not 0 <= message.offset < checkpoint.size:
                raise InvalidParameterValue(
                    f"offset must be 0 to {checkpoint.size - 1}, the last event that is signed, got {message.offset}."
                )
            found = await proofs.inclusion(message.partition, message.offset, checkpoint.size)
            return _answer(checkpoint, found.hashes, leaf=_encoded(found.leaf))
        if message.old_size is not None and message.offset is None:
            if not 0 <= message.old_size <= checkpoint.size:
                raise InvalidParameterValue(
                    f"old_size must be 0 to {checkpoint.size}, as many events as are signed, got {message.old_size}."
                )
            return _answer(checkpoint, await proofs.consistency(message.partition, message.old_size, checkpoint.size))
        raise InvalidParameterValue("One of offset and old_size must be given.")

    return (
        tracklog_read("log/checkpoint", get_checkpoint, READ_ALL_HISTORY),
        tracklog_read("log/keys", get_keys, READ_ALL_HISTORY),
        tracklog_read("log/proof", get_proof, READ_ALL_HISTORY),
    )


def _text(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/plain", headers={"Cache-Control": "no-store"})


def _answer(checkpoint: SignedCheckpoint, hashes: Iterable[bytes], **more: str) -> JsonAnswer:
    return JsonAnswer(
        orjson.dumps({"checkpoint": checkpoint.note, **more, "hashes": [_encoded(hashed) for hashed in hashes]})
    )


def _encoded(hashed: bytes) -> str:
    return base64.b64encode(hashed).decode()
