"""A read model of a moment is that of a log which ended there; it is folded once, kept, and removed in time."""

import sqlite3
from pathlib import Path

import pytest

from event_log.log_until import LogUntil
from event_log.memory_event_log import MemoryEventLog
from projector.compare import differences
from projector.sqlite_past import PastUnderWay, past_read_model
from tests.unit.projector.histories import created, experiment, log_of, metric
from tests.unit.projector.read_models import projected


class Seen:
    """How often somebody heard of progress."""

    def __init__(self) -> None:
        self.reached: list[tuple[int, int]] = []

    async def show(self, reached: int, whole: int) -> None:
        self.reached.append((reached, whole))


async def nobody(_reached: int, _whole: int) -> None:
    pass


async def made_and_left(folder: Path, log: LogUntil) -> Path:
    async with past_read_model(folder, log, nobody, kept=2) as path:
        return path


async def history() -> MemoryEventLog:
    return await log_of(experiment(), created(), metric(step=1), metric(step=2))


async def test_it_equals_that_of_a_log_which_ends_there(tmp_path: Path) -> None:
    log = await history()
    shorter = await projected(tmp_path, await log_of(experiment(), created(), metric(step=1)))
    async with past_read_model(tmp_path / "past", LogUntil(log, {0: 3}), nobody) as path:
        connection = sqlite3.connect(path)
        connection.execute("ATTACH ? AS shorter", (str(shorter.path),))
        assert differences(connection, "main", "shorter") == []
        connection.close()


async def test_the_second_time_nothing_is_folded(tmp_path: Path) -> None:
    log, first, second = LogUntil(await history(), {0: 3}), Seen(), Seen()
    async with past_read_model(tmp_path, log, first.show), past_read_model(tmp_path, log, second.show):
        pass  # the second beside the first, which still has it
    assert first.reached == [(3, 3)]
    assert second.reached == []


async def test_one_that_another_process_folds_is_left_to_it(tmp_path: Path) -> None:
    log = LogUntil(await history(), {0: 3})

    async def meanwhile(_reached: int, _whole: int) -> None:
        with pytest.raises(PastUnderWay):
            async with past_read_model(tmp_path, log, nobody):
                pass

    async with past_read_model(tmp_path, log, meanwhile):
        pass


async def test_one_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    log, seen = LogUntil(await history(), {0: 3}), Seen()

    class Broken(Exception):
        pass

    async def breaks(_reached: int, _whole: int) -> None:
        raise Broken

    with pytest.raises(Broken):
        async with past_read_model(tmp_path, log, breaks):
            pass
    async with past_read_model(tmp_path, log, seen.show):
        pass
    assert seen.reached == []  # what was committed before is not folded again


async def test_of_those_that_nobody_has_the_newest_are_kept(tmp_path: Path) -> None:
    log = await history()
    async with past_read_model(tmp_path, LogUntil(log, {0: 1}), nobody) as held:
        made = [await made_and_left(tmp_path, LogUntil(log, {0: end})) for end in (2, 3, 4)]
        assert [held.exists(), *(one.exists() for one in made)] == [True, False, True, True]
    assert len(list(tmp_path.glob("*.lock"))) == len(list(tmp_path.glob("*.read-model")))
