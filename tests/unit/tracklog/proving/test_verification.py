"""What became of a log or of its proofs since they were signed is found, and named."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from event_log.memory_event_log import MemoryEventLog
from event_log.proof.checkpoint import SignedSize
from event_log.proof.leaf import leaf_of
from event_log.proof.note import PrivateKey, PublicKey
from event_log.proof.tiles import GrowingTree
from event_log.sealing.known_keys import KnownStreamKeys
from event_log.sealing.memory_stream_keys import MemoryStreamKeys
from event_log.sealing.sealed_log import SealedLog
from event_log.sealing.unsealed_reads import UnsealedReads
from schemas.envelope import RecordedEvent
from schemas.events import Erasure, RunErased
from schemas.forgotten import forgotten
from tests.contracts.event_log_contract import event as an_event
from tests.contracts.event_log_contract import param
from tracklog.proving.copied_proofs import copy_proofs
from tracklog.proving.key_file import GivenKey
from tracklog.proving.proof_store import StoredCheckpoint
from tracklog.proving.prover import Prover
from tracklog.proving.sqlite_proof_store import SqliteProofStore
from tracklog.proving.verification import Report, verify

KEY, STRANGER = PrivateKey("tracklog", b"1" * 32), PrivateKey("tracklog", b"2" * 32)


class Signed:
    """A log of 600 events in one partition, signed at 300 and at 600 of them in two hours, and its proofs."""

    def __init__(self, folder: Path) -> None:
        self.log = MemoryEventLog()
        self.hour = 0
        self.store = SqliteProofStore(folder / "log.proof", self.log._id, clock=lambda: self.hour * 3600.0)

    @property
    def events(self) -> list[RecordedEvent]:
        return self.log._events[0]

    async def sign(self, count: int) -> None:
        self.hour += 1
        for number in range(count):
            await self.log.append([param(number, "p")])
        await Prover(self.log, self.log._id, self.store, GivenKey(KEY.text()), lambda: {0}).round()

    async def newest(self) -> str:
        return (await self.store.newest())[0].note

    async def tree_fits_log(self) -> None:
        """What somebody does who may write the store of proofs, and has no key."""
        tree = GrowingTree()
        for event in self.events:
            tree.add(leaf_of(event))
        await self.store.grow(0, 600, len(self.events), tree.changed(), None)

    async def report(self, *given: str, has_store: bool = True, trusted: PublicKey = KEY.public) -> Report:
        store = self.store if has_store else None
        return await verify(self.log, store, given, frozenset({trusted}), lambda _done, _all: None)

    async def found(self, *given: str, has_store: bool = True, trusted: PublicKey = KEY.public) -> list[str]:
        report = await self.report(*given, has_store=has_store, trusted=trusted)
        return [f"{one.kind.value} {'' if one.offset is None else one.offset}".strip() for one in report.findings]


@pytest.fixture
async def signed(tmp_path: Path) -> AsyncIterator[Signed]:
    signed = Signed(tmp_path)
    await signed.sign(300)
    await signed.sign(300)
    yield signed
    await signed.store.close()


async def test_a_log_that_is_what_was_signed_is_proven(signed: Signed) -> None:
    kept = await signed.newest()
    await signed.log.append([param(1, "p")])
    report = await signed.report(kept)
    assert (report.findings, report.proven, report.unsigned) == ([], {0: 600}, {0: 1})
    assert await signed.found(kept, has_store=False) == []


async def test_a_changed_event_is_named_by_the_tree(signed: Signed) -> None:
    signed.events[17] = replace(signed.events[17], payload=b"{}")
    signed.events[400] = replace(signed.events[400], time_us=1)
    assert await signed.found() == ["payload changed 17", "envelope changed 400"]
    assert (await signed.report()).proven == {0: 0}


async def test_without_the_tree_a_checkpoint_that_was_kept_tells_where_it_began(signed: Signed) -> None:
    kept = [one.note for one in await signed.store.checkpoints(0)]
    signed.events[400] = replace(signed.events[400], time_us=1)
    assert await signed.found(*kept, has_store=False) == ["not what was signed 300"]
    assert (await signed.report(*kept, has_store=False)).proven == {0: 300}
    assert await signed.found(kept[1], has_store=False) == ["not what was signed 0"]


async def test_a_tree_that_was_made_to_fit_is_not_believed(signed: Signed) -> None:
    signed.events[400] = replace(signed.events[400], time_us=1)
    await signed.tree_fits_log()
    assert await signed.found() == ["tree changed", "not what was signed 300"]


async def test_a_tree_alone_that_was_changed_is_named_and_the_log_is_proven(signed: Signed) -> None:
    signed.store._connection.execute("UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE number > 0")
    report = await signed.report()
    assert [one.kind.value for one in report.findings] == ["tree changed"]
    assert report.proven == {0: 600}


async def test_an_older_state_that_was_put_back_is_shorter(signed: Signed) -> None:
    kept = await signed.newest()
    del signed.events[450:]
    assert await signed.found() == ["shorter than a checkpoint 450"]
    assert await signed.found(kept, has_store=False) == ["shorter than a checkpoint 450"]
    del signed.events[:]
    assert await signed.found() == ["shorter than a checkpoint 0"]


async def test_an_older_state_that_went_on_with_other_events_is_named(signed: Signed) -> None:
    del signed.events[598:]
    for number in range(5):
        await signed.log.append([param(number, "other")])
    assert await signed.found() == ["envelope and payload changed 598", "envelope and payload changed 599"]


async def test_an_older_state_with_its_own_proofs_is_found_by_a_checkpoint_that_was_kept(signed: Signed) -> None:
    kept = await signed.newest()
    del signed.events[300:]
    signed.store._connection.executescript("DELETE FROM tiles; DELETE FROM checkpoints; DELETE FROM partitions")
    await signed.sign(310)
    assert await signed.found() == [], "nothing here knows better"
    assert await signed.found(kept) == ["tree changed", "not what was signed 0"]


async def test_a_forged_checkpoint_is_named(signed: Signed) -> None:
    forged = (await signed.newest()).replace("\n600\n", "\n500\n")
    await signed.store.keep_checkpoint(StoredCheckpoint(0, 500, forged, 3))
    assert await signed.found() == ["checkpoint forged"]


async def test_a_checkpoint_of_another_key_is_named(signed: Signed) -> None:
    note = STRANGER.sign(SignedSize(signed.log._id, 0, 600, bytes(32)).text())
    assert await signed.found(note) == ["key replaced"]
    assert await signed.found(trusted=STRANGER.public) == ["key replaced", "key replaced", "no checkpoint"]


async def test_a_checkpoint_of_another_log_is_named(signed: Signed) -> None:
    note = KEY.sign(SignedSize("0" * 36, 0, 600, bytes(32)).text())
    assert await signed.found(note) == ["checkpoint of another log"]


async def test_a_log_without_a_checkpoint_is_not_proven(signed: Signed) -> None:
    assert await signed.found(has_store=False) == ["no checkpoint"]


async def test_a_partition_that_is_gone_is_named(signed: Signed) -> None:
    note = KEY.sign(SignedSize(signed.log._id, 1, 1, bytes(32)).text())
    assert await signed.found(note) == ["shorter than a checkpoint 0"]


async def test_of_very_many_differences_some_are_named(signed: Signed) -> None:
    await signed.sign(1000)
    signed.events[:] = [replace(event, time_us=1) for event in signed.events]
    found = await signed.found()
    assert len(found) == 1000
    assert found[0] == "envelope changed 0"


@pytest.mark.parametrize("end", [0, 299, 300, 450, 600])
async def test_proofs_are_copied_as_far_as_the_copy_of_the_log_goes(signed: Signed, tmp_path: Path, end: int) -> None:
    copy = SqliteProofStore(tmp_path / "copy.proof", signed.log._id)
    for until in (end // 2, end, end):
        await copy_proofs(signed.store, copy, until)
    assert (await copy.size(0), [one.size for one in await copy.checkpoints(0)]) == (
        end,
        [size for size in (300, 600) if size <= end],
    )
    del signed.events[end:]
    report = await verify(signed.log, copy, (), frozenset({KEY.public}), lambda _done, _all: None)
    assert [one.kind.value for one in report.findings] == (["no checkpoint"] if 0 < end < 300 else [])
    if end:
        await Prover(signed.log, signed.log._id, copy, GivenKey(KEY.text()), lambda: {0}).round()
        assert (await copy.newest())[0].size == end
    await copy.close()


async def test_an_event_that_an_erasure_forgot_is_proven_by_its_hash(signed: Signed) -> None:
    signed.events[17] = replace(signed.events[17], payload=forgotten(signed.events[17].payload))
    run_id = f"{17:032x}"
    erased = RunErased(run_id=run_id, experiment_id=0, erasure=Erasure("asked to", [f"run/{run_id}"]))
    await signed.log.append([an_event(erased)])
    report = await signed.report()
    assert (report.findings, report.proven, report.forgotten) == ([], {0: 600}, {f"run/{run_id}": 1})


async def test_a_payload_that_was_emptied_without_an_erasure_is_found(signed: Signed) -> None:
    signed.events[17] = replace(signed.events[17], payload=forgotten(signed.events[17].payload))
    signed.events[18] = replace(signed.events[18], payload=forgotten(signed.events[18].payload, refused=True))
    assert await signed.found() == ["forgotten without an erasure 17", "forgotten without an erasure 18"]


async def test_a_payload_that_was_changed_before_it_was_forgotten_is_found(signed: Signed) -> None:
    signed.events[17] = replace(signed.events[17], payload=forgotten(b"{}"))
    assert (await signed.found())[0] == "payload changed 17"


class Sealed(Signed):
    """The same, with payloads that are sealed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.keys = MemoryStreamKeys()
        self.now_s = 0.0
        self.sealed = SealedLog(self.log, KnownStreamKeys(self.keys, clock=lambda: self.now_s))

    async def verified(self, *, with_keys: bool = True) -> Report:
        keys = KnownStreamKeys(self.keys) if with_keys else None
        return await verify(
            UnsealedReads(self.log, keys), self.store, [], frozenset({KEY.public}), lambda _done, _all: None
        )


@pytest.fixture
async def sealed(tmp_path: Path) -> AsyncIterator[Sealed]:
    sealed = Sealed(tmp_path)
    for number in range(20):
        await sealed.sealed.append([param(number % 4, "p")])
    erased = RunErased(run_id=f"{1:032x}", experiment_id=0, erasure=Erasure("r", [f"run/{1:032x}"]))
    await sealed.sealed.append([an_event(erased)])
    await Prover(sealed.sealed, sealed.log._id, sealed.store, GivenKey(KEY.text()), lambda: {0}).round()
    yield sealed
    await sealed.store.close()


async def test_a_sealed_log_is_proven_before_and_after_a_key_is_gone_and_without_any(sealed: Sealed) -> None:
    assert (await sealed.verified()).proven == {0: 21}
    await sealed.keys.destroy([f"run/{1:032x}"])
    report = await sealed.verified()
    assert (report.findings, report.proven, report.forgotten) == ([], {0: 21}, {f"run/{1:032x}": 5})
    report = await sealed.verified(with_keys=False)
    assert (report.findings, report.proven, report.sealed) == ([], {0: 21}, 20)


async def test_a_key_that_was_destroyed_or_lost_without_an_erasure_is_found(sealed: Sealed) -> None:
    await sealed.keys.destroy([f"run/{2:032x}"])
    del sealed.keys.kept[f"run/{3:032x}"]
    report = await sealed.verified()
    assert report.proven == {0: 21}
    assert sorted(map(str, report.findings)) == [
        f"partition 0, offset 2: forgotten without an erasure: 5 events of run/{2:032x}, which no erasure names, have"
        " no payload",
        "partition 0, offset 3: sealed, and cannot be opened: 5 events, of which this is the first: its key is not in"
        " the store of keys",
    ]


async def test_a_sealed_payload_that_was_changed_is_named(sealed: Sealed) -> None:
    changed = bytearray(sealed.events[7].payload)
    changed[-1] ^= 1
    sealed.events[7] = replace(sealed.events[7], payload=bytes(changed))
    assert "partition 0, offset 7: payload changed" in map(str, (await sealed.verified()).findings)
