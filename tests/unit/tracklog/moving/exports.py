"""What a read model holds, exported and imported again."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from event_log.memory_event_log import MemoryEventLog
from tests.unit.projector.read_models import Projected, projected
from tests.unit.tracklog.moving.imports import imported
from tracklog.moving.export_report import ExportReport
from tracklog.moving.folded import reading
from tracklog.moving.read_model_records import ReadModelRecords
from tracklog.moving.stores import Store
from tracklog.moving.written_store import WrittenStore


def exported(read_model: Path, target: WrittenStore) -> ExportReport:
    """Write the store, and say what came of it."""
    report = ExportReport("a read model", str(target), dry_run=False)
    with reading(read_model) as connection:
        target.write(ReadModelRecords(connection).records(), report)
    return report


def held(read_model: Path) -> list[Any]:
    """Everything in a read model, as records in one order; of deleted versions their numbers alone."""
    with reading(read_model) as connection:
        return sorted(map(_plain, ReadModelRecords(connection).records()), key=str)


def _plain(record: Any) -> Any:
    if not dataclasses.is_dataclass(record):
        return record
    fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    if fields.get("versions"):
        fields["versions"] = [
            one.version if getattr(one, "deleted", False) else _plain(one) for one in fields["versions"]
        ]
    return type(record).__name__, {name: value for name, value in fields.items() if name != "where"}


async def moved_in(store: Store, folder: Path) -> Projected:
    """The read model of a new log into which a store was imported."""
    log = MemoryEventLog()
    await imported(store, log)
    return await projected(folder, log)


def differences(found: list[Any], expected: list[Any]) -> Iterator[str]:
    """What is in one and not in the other, one line each."""
    yield from (f"only there: {one!r:.600}" for one in found if one not in expected)
    yield from (f"only here: {one!r:.600}" for one in expected if one not in found)
