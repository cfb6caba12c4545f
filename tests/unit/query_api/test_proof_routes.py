"""The routes of checkpoints and proofs answer what a verifier needs, and refuse what is not signed."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from event_log.memory_event_log import MemoryEventLog
from event_log.proof.checkpoint import SignedSize
from event_log.proof.leaf import leaf_of
from event_log.proof.note import PrivateKey, verified
from event_log.proof.tree import verifies_consistency, verifies_inclusion
from query_api.proof.routes import GetProof, proof_routes
from schemas.rest.access import On
from schemas.rest.rules import READ_ALL_HISTORY
from tests.contracts.event_log_contract import param
from tests.web_server import WebServer
from tracklog.proving.key_file import GivenKey
from tracklog.proving.proof_store import ProofStore
from tracklog.proving.prover import Prover
from tracklog.proving.seen_proofs import NotProven, SeenProofs
from tracklog.proving.sqlite_proof_store import SqliteProofStore
from tracklog.proving.stored_tree import root_at
from tracklog.settings.process import WebSettings
from tracklog.web.app import create_app

KEY = PrivateKey("tracklog", b"1" * 32)
PREFIX = "/api/tracklog/v1/log"


class Served:
    """A log of 300 events, signed at 100 and at 300, its proofs, and a client of the routes."""

    def __init__(self, store: ProofStore, log: MemoryEventLog, proofs: SeenProofs) -> None:
        self.store, self.log, self.proofs = store, log, proofs
        self.client: TestClient  # type: ignore[type-arg]

    async def text(self, path: str) -> tuple[int, str]:
        answer = await self.client.get(f"{PREFIX}/{path}")
        return answer.status, await answer.text()

    async def proof(self, query: str) -> tuple[SignedSize, bytes, list[bytes]]:
        answer = await (await self.client.get(f"{PREFIX}/proof?{query}")).json()
        hashes = [base64.b64decode(one) for one in answer["hashes"]]
        signed = SignedSize.parse(verified(answer["checkpoint"], KEY.public))
        return signed, base64.b64decode(answer.get("leaf", "")), hashes


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    log = MemoryEventLog()
    log_id = await log.identity()
    store = SqliteProofStore(tmp_path / "log.proof", log_id)
    prover = Prover(log, log_id, store, GivenKey(KEY.text()), lambda: {0})
    for count in (100, 200):
        for number in range(count):
            await log.append([param(number, "p")])
        await prover.round()

    async def opened() -> ProofStore:
        return store

    found = Served(store, log, SeenProofs(opened))
    app = create_app(list(proof_routes(found.proofs)), WebSettings())
    async with TestClient(WebServer(app)) as client:
        found.client = client
        yield found
    await store.close()


async def test_the_newest_checkpoint_is_text_that_verifies(served: Served) -> None:
    status, note = await served.text("checkpoint")
    assert status == 200
    assert SignedSize.parse(verified(note, KEY.public)).size == 300
    assert await served.text("keys") == (200, str(KEY.public))


async def test_an_event_is_proven_to_be_under_the_checkpoint(served: Served) -> None:
    signed, leaf, hashes = await served.proof("offset=17")
    (event,) = await served.log.read(0, 17, limit=1)
    assert leaf == leaf_of(event).hash
    assert verifies_inclusion(leaf, 17, signed.size, hashes, signed.root)


async def test_an_older_checkpoint_is_proven_to_be_of_the_same_log(served: Served) -> None:
    signed, _, hashes = await served.proof("old_size=100")
    assert verifies_consistency(100, signed.size, await root_at(served.store, 0, 100), signed.root, hashes)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("checkpoint?partition=1", 404),
        ("proof?partition=1&offset=0", 404),
        ("proof?offset=300", 400),
        ("proof?offset=-1", 400),
        ("proof?old_size=301", 400),
        ("proof?old_size=-1", 400),
        ("proof", 400),
        ("proof?offset=1&old_size=1", 400),
    ],
)
async def test_what_is_not_signed_is_not_proven(served: Served, path: str, status: int) -> None:
    assert (await served.text(path))[0] == status


async def test_a_fault_is_noticed_and_counted(served: Served) -> None:
    await served.proofs.check()
    await served.store.note_fault(0, "It is shorter.")
    with pytest.raises(NotProven, match="It is shorter"):
        await served.proofs.check()
    signed, faults = await served.proofs.measured()
    assert [sample.value for sample in (*signed.samples, *faults.samples)] == [300, 1]


async def test_a_tree_that_is_not_whole_proves_nothing(served: Served) -> None:
    await served.store._write(("DELETE FROM tiles", [()]), [])
    assert (await served.text("proof?offset=17"))[0] == 503
    assert (await served.text("proof?old_size=17"))[0] == 503


async def test_without_proofs_there_is_nothing_to_answer() -> None:
    async def none() -> None:
        return None

    proofs = SeenProofs(none)
    assert (await proofs.newest(0), await proofs.keys(), await proofs.measured()) == (None, "", [])
    await proofs.check()


def test_who_may_read_all_of_the_history_may_ask_for_its_proof() -> None:
    proofs: Any = None
    rules = [route.permission for route in proof_routes(proofs)]
    assert rules == [READ_ALL_HISTORY] * 3
    (part,) = READ_ALL_HISTORY
    assert isinstance(part, On)
    assert list(part.keys(GetProof(partition=3, offset=1))) == ["*"]
