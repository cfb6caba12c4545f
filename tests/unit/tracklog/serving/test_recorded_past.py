"""A log that an earlier version of Tracklog wrote answers as of its moments what was answered then.

`recorded_past.json` is such a log, made of the older versions of the frozen corpus, and after each event the answers
that were others than before. It is frozen as the corpus is: what is released later is added at its end.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from event_log.gathered import Gathered
from event_log.log_until import LogUntil
from event_log.memory_event_log import MemoryEventLog
from projector.compare import differences
from projector.sqlite_memory import FoldInMemory
from projector.sqlite_past import past_read_model
from query_api.sqlite.in_memory import InMemoryReadModel
from schemas import codec
from schemas.envelope import SYSTEM, RecordedEvent
from schemas.errors import TracklogError
from schemas.events import EVENT_TYPES
from tests.unit.projector.histories import envelope, log_of
from tests.unit.projector.read_models import projected
from tests.unit.schemas.test_codec import CORPUS
from tests.unit.tracklog.serving.test_folded_past import Asked

RECORDING: Final[Any] = json.loads((Path(__file__).parent / "recorded_past.json").read_text())


def stored(offset: int, event: str, data: Any) -> RecordedEvent:
    """As the log holds it: at the version and in the shape that it was appended in. `event` is as `run.deleted.v1`."""
    event_type, version = event.rsplit(".v", 1)
    bare = RecordedEvent(0, offset, bytes(16), event_type, int(version), "", 0, SYSTEM, "r", json.dumps(data).encode())
    made = envelope(offset, codec.decode(bare))
    return RecordedEvent(
        0, offset, made.id, bare.type, bare.version, made.stream, made.time_us, made.actor, "r", bare.payload
    )


STORED: Final = [stored(offset, one["event"], one["data"]) for offset, one in enumerate(RECORDING["log"])]


async def answer(api: Asked, path: str, as_of: str) -> Any:
    """The document, or the code of the error."""
    try:
        return await api.json(path, as_of)
    except TracklogError as error:
        return error.error_code


def test_the_recording_has_every_older_version() -> None:
    named = [file.stem.rsplit(".v", 1) for file in CORPUS]
    older = {f"{name}.v{version}" for name, version in named if int(version) < EVENT_TYPES[name].event_version}
    assert older - {one["event"] for one in RECORDING["log"]} == set()


@pytest.mark.slow
async def test_each_moment_is_answered_as_it_was_then() -> None:
    """By the fold of the whole log at that moment, and by the folding of single things when all of it is there."""
    log = Gathered(MemoryEventLog(), {0: STORED}, 100)
    fold, whole = FoldInMemory(log), FoldInMemory(log)
    with closing(fold.connection), closing(whole.connection):
        await (await whole.start()).fold_until({0: len(STORED)})
        await fold.start()
        live, later = (Asked(log, InMemoryReadModel(one.connection)) for one in (fold, whole))
        answers: dict[str, Any] = {}
        for end, recorded in enumerate(RECORDING["log"], 1):
            await fold.fold_until({0: end})
            answers |= recorded["answers"]
            assert {path: await answer(live, path, "") for path in answers} == answers, recorded["event"]
            assert {path: await answer(later, path, f"0:{end}") for path in answers} == answers, recorded["event"]


async def test_the_server_of_a_moment_shows_what_events_of_today_would_make(tmp_path: Path) -> None:
    log = Gathered(MemoryEventLog(), {0: STORED}, 100)
    today = await projected(tmp_path, await log_of(*map(codec.decode, STORED)))
    async with past_read_model(tmp_path / "past", LogUntil(log, {0: len(STORED)}), nobody) as file:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("ATTACH ? AS today", (str(today.path),))
            assert differences(connection, "main", "today") == []


async def nobody(_reached: int, _whole: int) -> None:
    pass
