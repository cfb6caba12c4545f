"""What every adapter of forgetting must do. A test module gives it the fixtures `log` and `forgetting`, of one log."""

import secrets
from collections.abc import Awaitable, Callable

from event_log.forgetting import AT_ONCE, Forgetting
from event_log.port import EventLog
from event_log.proof.leaf import leaf_of
from event_log.stored_payload import stored
from schemas.envelope import PARTITION, Position
from schemas.events import Erasure, RunErased
from schemas.forgotten import is_forgotten, is_forgotten_refusal
from tests.contracts.event_log_contract import event, everything, param

Stored = Callable[[], Awaitable[bytes]]

SECRET = secrets.token_hex(10_000)  # so long that it is compressed, and takes pages of its own
STREAM = f"run/{1:032x}"


class ForgettingContract:
    async def test_payloads_go_and_leaves_stay(
        self, log: EventLog, forgetting: Forgetting, stored_bytes: Stored
    ) -> None:
        count = AT_ONCE + 7
        erased = RunErased(run_id=f"{1:032x}", experiment_id=0, erasure=Erasure("r", [STREAM]))
        await log.append([param(1, f"{number}-short-secret") for number in range(count)])
        await log.append([param(2, "kept"), param(1, "long", SECRET), param(2, "refused-secret"), event(erased)])
        before = await everything(log)
        assert b"short-secret" in await stored_bytes()
        part = stored(before[count + 1].payload)[100:200]
        assert part in await stored_bytes()
        forgot = await forgetting.forget([STREAM, "run/of-no-event"], [Position(PARTITION, count + 2)])
        after = await everything(log)
        assert forgot == count + 2
        assert [leaf_of(one) for one in after] == [leaf_of(one) for one in before]
        assert [one.offset for one in after if not is_forgotten(one.payload)] == [count, count + 3]
        assert [one.offset for one in after if is_forgotten_refusal(one.payload)] == [count + 2]
        assert await forgetting.forget([STREAM], [Position(PARTITION, count + 2)]) == 0
        await log.append([param(3, "later")])
        assert b"short-secret" not in await stored_bytes()
        assert b"refused-secret" not in await stored_bytes()
        assert part not in await stored_bytes()

    async def test_how_far_erasures_are_carried_out_only_grows(self, forgetting: Forgetting) -> None:
        assert await forgetting.carried_out(PARTITION) == 0
        await forgetting.note_carried_out(PARTITION, 7)
        await forgetting.note_carried_out(PARTITION, 3)
        assert await forgetting.carried_out(PARTITION) == 7
