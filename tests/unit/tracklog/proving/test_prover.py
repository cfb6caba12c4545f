"""The worker signs what a log holds, goes on where it was, and never signs over what is another log than it was."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from event_log.memory_event_log import MemoryEventLog
from event_log.proof.checkpoint import SignedSize
from event_log.proof.leaf import leaf_of
from event_log.proof.note import PrivateKey, verified
from event_log.proof.rotation import rotation
from schemas.envelope import Position
from tests.contracts.event_log_contract import param
from tests.unit.event_log.proof.trees import defined_root
from tracklog.proving.hashed_reads import HashedReads
from tracklog.proving.key_file import GivenKey
from tracklog.proving.proof_store import StoredCheckpoint
from tracklog.proving.prover import Prover
from tracklog.proving.sqlite_proof_store import SqliteProofStore

KEY, NEXT = PrivateKey("tracklog", b"1" * 32), PrivateKey("tracklog", b"2" * 32)


class Proven:
    """A log of two partitions and its proofs; `restarted` a worker that knows nothing of the one before."""

    def __init__(self, store: SqliteProofStore, log: MemoryEventLog, log_id: str) -> None:
        self.store, self.log, self.log_id = store, log, log_id
        self.prover = self.restarted()

    def restarted(self, key: PrivateKey = KEY) -> Prover:
        self.prover = Prover(self.log, self.log_id, self.store, GivenKey(key.text()), lambda: {0, 1})
        return self.prover

    async def append(self, count: int) -> None:
        for number in range(count):
            await self.log.append([param(number, "p")])

    async def signed(self, key: PrivateKey = KEY) -> dict[int, SignedSize]:
        return {
            partition: SignedSize.parse(verified(one.note, key.public))
            for partition, one in (await self.store.newest()).items()
        }

    async def faults(self) -> dict[int, str]:
        return {partition: fault for partition, (_, fault) in (await self.store.partitions()).items() if fault}


@pytest.fixture
async def proven(tmp_path: Path) -> AsyncIterator[Proven]:
    log = MemoryEventLog(2)
    log_id = await log.identity()
    store = SqliteProofStore(tmp_path / "log.proof", log_id)
    yield Proven(store, log, log_id)
    await store.close()


async def test_what_is_signed_is_the_tree_of_all_events(proven: Proven) -> None:
    await proven.append(700)
    await proven.prover.round()
    await proven.append(1)
    await proven.prover.round()
    end = await proven.log.end()
    for partition, signed in (await proven.signed()).items():
        events = await proven.log.read(partition, 0, limit=1000)
        assert signed.root == defined_root([leaf_of(event).hash for event in events])
        assert (signed.size, signed.log_id) == (end[partition], proven.log_id)
    assert await proven.faults() == {}


async def test_nothing_is_signed_anew_while_nothing_comes(proven: Proven) -> None:
    await proven.append(3)
    await proven.prover.round()
    before = await proven.store.newest()
    proven.restarted(KEY)
    await proven.prover.round()
    assert await proven.store.newest() == before


async def test_a_worker_goes_on_from_what_is_kept(proven: Proven, monkeypatch: pytest.MonkeyPatch) -> None:
    await proven.append(600)
    await proven.prover.round()
    await proven.append(600)
    read = proven.log.read
    starts = []

    async def noted(partition: int, offset: int, **wanted: object) -> object:
        starts.append(offset)
        return await read(partition, offset, **wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(proven.log, "read", noted)
    await proven.restarted().round()
    assert min(starts) > 200
    assert {one: signed.size for one, signed in (await proven.signed()).items()} == await proven.log.end()


async def test_one_that_was_outrun_goes_on_from_where_the_other_is(proven: Proven) -> None:
    await proven.append(10)
    first = proven.prover
    await first.round()
    await proven.append(10)
    await proven.restarted().round()
    await proven.append(10)
    await first.round()
    await first.round()
    assert {one: signed.size for one, signed in (await proven.signed()).items()} == await proven.log.end()
    assert await proven.faults() == {}


async def test_a_log_that_got_shorter_is_not_signed_over(proven: Proven) -> None:
    await proven.append(40)
    await proven.prover.round()
    before = await proven.store.newest()
    events = proven.log._events
    taken = [partition.pop() for partition in events]
    await proven.prover.round()
    await proven.restarted().round()
    assert {one: "is shorter than what was signed" in fault for one, fault in (await proven.faults()).items()} == {
        0: True,
        1: True,
    }
    assert await proven.store.newest() == before
    for partition, event in zip(events, taken, strict=True):
        partition.append(event)
    await proven.prover.round()
    assert await proven.faults() == {}, "it is again what was signed"


async def test_another_last_event_is_not_signed_over(proven: Proven) -> None:
    await proven.append(40)
    await proven.prover.round()
    before = await proven.signed()
    for partition, events in enumerate(proven.log._events):
        proven.log.damage(Position(partition, len(events) - 1))
    await proven.append(40)
    await proven.restarted().round()
    assert all("is another than the one that was signed" in fault for fault in (await proven.faults()).values())
    assert await proven.signed() == before


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE tiles SET hashes = zeroblob(length(hashes))", "is not the one that was signed"),
        ("DELETE FROM tiles", "is not whole"),
        ("UPDATE partitions SET size = 1", "is not the one that was signed"),
        ("UPDATE checkpoints SET note = replace(note, 'a', 'b')", "is not ours"),
        ("UPDATE keys SET text = 'x'", "The first key of the log is none"),
    ],
)
async def test_proofs_that_were_changed_are_not_gone_on_with(proven: Proven, statement: str, fault: str) -> None:
    await proven.append(40)
    await proven.prover.round()
    proven.store._connection.execute(statement)
    await proven.append(40)
    await proven.restarted().round()
    assert {one: fault in said for one, said in (await proven.faults()).items()} == {0: True, 1: True}, (
        await proven.faults()
    )


async def test_a_stranger_s_checkpoint_is_not_gone_on_from(proven: Proven) -> None:
    await proven.append(40)
    await proven.prover.round()
    for partition, one in (await proven.store.newest()).items():
        stranger = NEXT.sign(SignedSize(proven.log_id, partition, one.size, bytes(32)).text())
        await proven.store.keep_checkpoint(StoredCheckpoint(partition, one.size, stranger, one.hour))
    await proven.restarted().round()
    assert all("is not ours" in fault for fault in (await proven.faults()).values())


async def test_another_key_signs_once_the_old_one_said_so(proven: Proven) -> None:
    await proven.append(10)
    await proven.prover.round()
    await proven.append(10)
    await proven.restarted(NEXT).round()
    assert all("leads to: bring that one back" in fault for fault in (await proven.faults()).values())
    assert KEY.text().split("+", 4)[-1] not in str(await proven.faults())
    await proven.store.add_key(rotation(KEY, NEXT.public))
    await proven.prover.round()
    assert {one: signed.size for one, signed in (await proven.signed(NEXT)).items()} == await proven.log.end()
    assert await proven.faults() == {}


async def test_of_the_checkpoints_of_an_hour_the_last_is_kept(tmp_path: Path) -> None:
    hours = iter([1, 1, 2, 2])
    store = SqliteProofStore(tmp_path / "log.proof", "log", clock=lambda: next(hours) * 3600.0 + 59)
    for size in (1, 2, 3, 4):
        await store.grow(0, size - 1, size, {}, f"note {size}")
    assert [one.size for one in await store.checkpoints(0)] == [2, 4]
    assert await store.newest() == {0: StoredCheckpoint(0, 4, "note 4", 2)}
    await store.close()


async def test_the_proofs_of_a_log_that_was_here_before_are_left_alone(tmp_path: Path) -> None:
    for number, log_id in enumerate(("one", "other"), start=1):
        store = SqliteProofStore(tmp_path / "log.proof", log_id)
        assert await store.partitions() == {}
        await store.keep_checkpoint(StoredCheckpoint(0, number, "note", 1))
        await store.close()
    store = SqliteProofStore(tmp_path / "log.proof", "one")
    assert (await store.newest())[0].size == 1
    await store.close()


async def test_what_others_read_is_not_read_again(proven: Proven, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = HashedReads(proven.log)
    prover = Prover(proven.log, proven.log_id, proven.store, GivenKey(KEY.text()), lambda: {0, 1}, hashed)
    for _ in range(3):
        before = await proven.log.end()
        await proven.append(300)
        for partition, offset in before.items():
            while events := await hashed.read(partition, offset, limit=70):
                offset += len(events)
        read = proven.log.read
        lengths: list[int] = []

        async def noted(*at: int, limit: int, read: Any = read, lengths: list[int] = lengths) -> object:
            lengths.append(limit)
            return await read(*at, limit=limit)

        with monkeypatch.context() as patch:
            patch.setattr(proven.log, "read", noted)
            await prover.round()
        assert set(lengths) <= {1}, "but for the last event that was signed"
    proven.restarted()
    await proven.prover.round()
    assert await proven.faults() == {}
    for partition, signed in (await proven.signed()).items():
        events = await proven.log.read(partition, 0, limit=1000)
        assert signed.root == defined_root([leaf_of(event).hash for event in events])


async def test_kept_leaves_are_side_by_side_and_none_from_before_what_is_wanted(proven: Proven) -> None:
    await proven.append(60)
    hashed = HashedReads(proven.log)
    await hashed.read(0, 0, limit=5)
    await hashed.read(0, 10, limit=5)
    assert [len(hashed.leaves(0, offset, 3)) for offset in (0, 10, 12, 14, 11)] == [0, 3, 3, 1, 0]
    await hashed.read(0, 10, limit=1)
    assert len(hashed.leaves(0, 14, 9)) == 1, "what is folded anew is not hashed anew"
    assert [len(hashed.leaves(0, 15, 9)), len(hashed.leaves(0, 100, 9)), len(hashed.leaves(1, 0, 9))] == [0, 0, 0]
