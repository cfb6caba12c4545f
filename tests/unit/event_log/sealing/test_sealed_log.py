"""A log of sealed payloads reads as another does, holds nothing that is to be read, and forgets with its keys."""

from hashlib import sha256

import pytest

from event_log.memory_event_log import MemoryEventLog
from event_log.proof.leaf import leaf_of
from event_log.sealing.forgetting import KeyForgetting
from event_log.sealing.known_keys import LEASE_S, KnownStreamKeys
from event_log.sealing.memory_stream_keys import MemoryStreamKeys
from event_log.sealing.sealed_log import SealedLog
from event_log.sealing.unsealed_reads import UnsealedReads
from schemas import codec
from schemas.codec import ForgottenEvent, UndecodableEvent
from schemas.envelope import Position
from schemas.events import Erasure, RunErased
from schemas.forgotten import is_forgotten, is_forgotten_refusal, payload_hash
from schemas.sealed import is_sealed
from tests.contracts.event_log_contract import event, everything, param

STREAM = f"run/{1:032x}"


class Lab:
    """A log with its keys. `forget` lets the time pass that it waits for."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.raw, self.keys = MemoryEventLog(), MemoryStreamKeys()
        self.log = self.opened_again()
        self.forgetting = KeyForgetting(self.keys, sleep=self._sleep)

    def opened_again(self) -> SealedLog:
        return SealedLog(self.raw, KnownStreamKeys(self.keys, clock=lambda: self.now_s))

    async def _sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def lab() -> Lab:
    return Lab()


async def test_the_log_holds_sealed_payloads_and_is_read_as_one_that_does_not(lab: Lab) -> None:
    sent = [param(1, "p", "secret"), param(2, "q")]
    await lab.log.append(sent)
    stored, read = await everything(lab.raw), await everything(lab.log)
    assert all(is_sealed(one.payload) for one in stored)
    assert [one.payload for one in read] == [codec.encode(one.payload) for one in sent]
    assert [one.payload for one in await lab.log.read_at(0, [1])] == [read[1].payload]
    assert [one.sealed for one in read] == [one.payload for one in stored]


async def test_the_tree_is_over_what_is_stored_before_and_after_the_key_is_gone(lab: Lab) -> None:
    await lab.log.append([param(1, "p", "secret"), param(2, "q")])
    stored, before = await everything(lab.raw), await everything(lab.log)
    await lab.forgetting.forget([STREAM])
    after = await everything(lab.log)
    assert [is_forgotten(one.payload) for one in after] == [True, False]
    assert payload_hash(after[0].payload) == sha256(stored[0].payload).digest()
    assert [*map(leaf_of, stored)] == [*map(leaf_of, before)] == [*map(leaf_of, after)]
    with pytest.raises(ForgottenEvent):
        codec.decode(after[0])


async def test_an_erasure_stays_readable_when_the_key_of_its_stream_is_gone(lab: Lab) -> None:
    erased = RunErased(run_id=f"{1:032x}", experiment_id=0, erasure=Erasure("asked to", [STREAM]))
    await lab.log.append([param(1, "p"), event(erased)])
    await lab.forgetting.forget([STREAM])
    first, last = await everything(lab.log)
    assert is_forgotten(first.payload)
    assert codec.decode(last) == erased


async def test_what_comes_late_is_sealed_under_a_key_that_nobody_keeps(lab: Lab) -> None:
    await lab.log.append([param(1, "p")])
    other = lab.opened_again()
    assert len(await everything(other)) == 1  # which knows the key from now on
    await lab.forgetting.forget([STREAM])
    await lab.log.append([param(1, "late")])
    await other.append([param(1, "late too")])
    assert [is_forgotten(one.payload) for one in await everything(lab.log)] == [True] * 3
    assert lab.keys.kept[STREAM] is None


async def test_nothing_opens_it_when_forgetting_returns_whoever_knew_the_key(lab: Lab) -> None:
    reader = UnsealedReads(lab.raw, KnownStreamKeys(lab.keys, clock=lambda: lab.now_s))
    await lab.log.append([param(1, "p")])
    lab.now_s = 1000.0
    assert not is_forgotten((await everything(reader))[0].payload)
    assert await lab.forgetting.forget([STREAM]) == 1
    assert lab.now_s == 1000.0 + LEASE_S
    assert is_forgotten((await everything(reader))[0].payload)
    assert await lab.forgetting.forget([STREAM]) == 0


async def test_a_stream_of_which_there_is_nothing_yet_gets_no_key_after_it_was_erased(lab: Lab) -> None:
    assert await lab.forgetting.forget([STREAM]) == 0
    await lab.log.append([param(1, "late")])
    assert is_forgotten((await everything(lab.log))[0].payload)


async def test_an_event_that_was_refused_for_what_is_erased_is_passed_over(lab: Lab) -> None:
    await lab.log.append([param(1, "p"), param(2, "refused"), param(2, "kept")])
    assert await lab.forgetting.forget([STREAM], [Position(0, 1)]) == 2
    assert await lab.forgetting.forget([STREAM], [Position(0, 1)]) == 0
    assert [is_forgotten_refusal(one.payload) for one in await everything(lab.log)] == [False, True, False]
    assert [is_forgotten(one.payload) for one in await everything(lab.log)] == [True, True, False]


async def test_a_key_that_was_lost_is_no_erasure(lab: Lab) -> None:
    await lab.log.append([param(1, "p"), param(2, "q")])
    del lab.keys.kept[STREAM]
    first, second = await everything(lab.opened_again())
    assert not is_forgotten(first.payload)
    with pytest.raises(UndecodableEvent, match="its key is not in the store of keys"):
        codec.decode(first)
    assert codec.decode(second) is not None
    assert leaf_of(first) == leaf_of((await everything(lab.raw))[0])


async def test_a_key_of_another_stream_does_not_open_it(lab: Lab) -> None:
    await lab.log.append([param(1, "p"), param(2, "q")])
    lab.keys.kept[STREAM] = lab.keys.kept[f"run/{2:032x}"]
    first, _ = await everything(lab.opened_again())
    with pytest.raises(UndecodableEvent, match="another key"):
        codec.decode(first)


async def test_without_a_store_of_keys_what_is_sealed_is_said_to_be(lab: Lab) -> None:
    await lab.log.append([param(1, "p")])
    [one] = await everything(UnsealedReads(lab.raw, None))
    with pytest.raises(UndecodableEvent, match="no store of keys"):
        codec.decode(one)
    assert leaf_of(one) == leaf_of((await everything(lab.raw))[0])


async def test_plain_payloads_ask_for_no_key(lab: Lab) -> None:
    await lab.raw.append([param(1, "p")])
    assert [one.sealed for one in await everything(lab.log)] == [b""]
    assert lab.keys.asked == []


async def test_an_append_says_when_the_keys_are_away(lab: Lab) -> None:
    await lab.log.check_appendable()
    assert lab.keys.asked == [frozenset()]


async def test_how_far_erasures_are_carried_out_is_kept_with_the_keys(lab: Lab) -> None:
    await lab.forgetting.note_carried_out(0, 7)
    await lab.forgetting.note_carried_out(0, 3)
    assert await lab.forgetting.carried_out(0) == await lab.keys.carried_out(0) == 7
