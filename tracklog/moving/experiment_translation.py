"""Experiments of a store as events: with the ids and names that are free for them."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from schemas.events import (
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentRenamed,
    ExperimentTagSet,
    Tag,
)
from tracklog.moving.event_ids import derived
from tracklog.moving.facts import Facts, Made
from tracklog.moving.records import ExperimentRecord

ORIGINAL_NAME_TAG: Final = "tracklog.import.name"
ORIGINAL_ID_TAG: Final = "tracklog.import.experiment_id"
MERGED_TAG: Final = "tracklog.import.source"
"""Of an experiment that could not keep its name or its id, and of the one in whose place an imported one came."""

DEFAULT_ID: Final = 0
DEFAULT_NAME: Final = "Default"
DEFAULT_LOCATION: Final = "mlflow-artifacts:/0"

_LARGEST_ID: Final = 2**62


class ExperimentTranslation:
    """Remembers what the experiments of the source are here."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._event = facts.event
        self._report = facts.report
        self._experiments: dict[str, int] = {}  # ids here, by the key of the source
        self._seen: set[str] = set()
        self._created_ms: dict[str, int] = {}
        self._revisions: dict[str, int] = {}  # of the one that was there before
        self._was_empty = facts.target.is_empty
        self._has_default = False

    def id_of(self, key: str) -> int:
        """The id here of an experiment that was translated."""
        return self._experiments[key]

    def knows(self, key: str) -> bool:
        """Whether an experiment was translated."""
        return key in self._experiments

    def remember(self, key: str, experiment_id: int, created_ms: int) -> None:
        """An experiment that was translated before, by another process."""
        self._experiments[key] = experiment_id
        self._created_ms[key] = created_ms
        self._has_default = self._has_default or experiment_id == DEFAULT_ID

    def created_ms(self, key: str) -> int:
        """When an experiment that was translated was created; 0 where nobody knows."""
        return self._created_ms.get(key, 0)

    def revision(self, key: str) -> int:
        """What runs of it have seen of its deletions: of those that are imported nothing."""
        return self._revisions.get(key, 0)

    def events(self, record: ExperimentRecord) -> Iterator[Made]:
        """What an experiment comes to."""
        if self._was_followed(record):
            self.remember(record.key, int(record.experiment_id), record.creation_time_ms or 0)
            return
        about = f"experiment\0{record.experiment_id}\0{record.name}\0{record.artifact_location}"
        if about in self._seen:
            about += f"\0{record.key}"  # the folder of an experiment was copied, or none of two says what it is
        self._seen.add(about)
        created = derived(f"{about}\0created", b"").about
        time_ms = record.creation_time_ms or record.last_update_time_ms
        self._created_ms[record.key] = time_ms or 0
        if self._takes_the_place_of_default(record, f"{about}\0merged"):
            self._experiments[record.key] = DEFAULT_ID
            self._has_default = True
            yield from self._merge(record, about, time_ms)
            return
        tags = list(record.tags)
        experiment_id = self._facts.target.imported_experiments.get(created)
        if experiment_id is None:
            experiment_id = self._free_id(record, about)
            name = self._free_name(record, experiment_id)
        else:
            name = self._name_given(record, experiment_id)
        if str(experiment_id) != record.experiment_id:
            tags.append(Tag(ORIGINAL_ID_TAG, record.experiment_id))
            self._report.renamed.append(("experiment", f"{record.experiment_id} ({record.where})", str(experiment_id)))
        if name != record.name:
            if record.name:
                tags.append(Tag(ORIGINAL_NAME_TAG, record.name))
            self._report.renamed.append(("experiment", f"{record.name!r} ({record.where})", repr(name)))
        if not time_ms:
            self._report.odd("experiments", record.where, "nothing says when it was created: 1970")
        self._experiments[record.key] = experiment_id
        self._has_default = self._has_default or experiment_id == DEFAULT_ID
        self._facts.target.created(experiment_id, name, imported=True)
        location = self._facts.roots.experiment(record.artifact_location, experiment_id)
        payload = ExperimentCreated(experiment_id=experiment_id, name=name, artifact_location=location, tags=tags)
        counted = {"experiments": 1, "experiment tags": len(record.tags)}
        yield from self._event(f"{about}\0created", payload, time_ms, counted, record.where)
        changed_ms = record.last_update_time_ms
        if record.deleted:
            yield from self._event(
                f"{about}\0deleted", ExperimentDeleted(experiment_id=experiment_id), changed_ms or time_ms
            )
        elif changed_ms and changed_ms > (time_ms or 0):
            # Nobody knows what the change was; the name it has by then is true in any case.
            renamed = ExperimentRenamed(experiment_id=experiment_id, name=name)
            yield from self._event(f"{about}\0changed", renamed, changed_ms)

    def _was_followed(self, record: ExperimentRecord) -> bool:
        """Whether a shadow brought an experiment, by its own id, and whatever it is called by now."""
        there = self._facts.target.experiments
        return (
            self._facts.target.is_followed_into
            and record.experiment_id.isdecimal()
            and int(record.experiment_id) in there
        )

    def _takes_the_place_of_default(self, record: ExperimentRecord, merged: str) -> bool:
        """Whether the experiment 0 of the source comes into the one that every new log has, and that nobody used."""
        if record.experiment_id != str(DEFAULT_ID) or self._has_default:
            return False
        if self._facts.is_there(merged):
            return True
        default = self._facts.target.experiments.get(DEFAULT_ID)
        return default is not None and not default.imported and DEFAULT_ID not in self._facts.target.used

    def _merge(self, record: ExperimentRecord, about: str, time_ms: int | None) -> Iterator[Made]:
        default = self._facts.target.experiments[DEFAULT_ID]
        self._revisions[record.key] = default.revision - self._facts.is_there(f"{about}\0deleted")
        merged = ExperimentTagSet(experiment_id=DEFAULT_ID, key=MERGED_TAG, value=self._report.source)
        yield from self._event(f"{about}\0merged", merged, time_ms, {"experiments": 1}, record.where)
        for tag in record.tags:
            payload = ExperimentTagSet(experiment_id=DEFAULT_ID, key=tag.key, value=tag.value)
            yield from self._event(f"{about}\0tag\0{tag.key}", payload, time_ms, {"experiment tags": 1}, record.where)
        what = f"it is the experiment 0 that was there, which keeps its time of creation and {DEFAULT_LOCATION}"
        self._report.odd("experiments", record.where, what)
        if record.name != default.name or self._facts.is_there(f"{about}\0changed"):
            name = record.name if self._facts.is_there(f"{about}\0changed") else self._free_name(record, DEFAULT_ID)
            self._facts.target.names[name] = DEFAULT_ID
            renamed = ExperimentRenamed(experiment_id=DEFAULT_ID, name=name)
            yield from self._event(f"{about}\0changed", renamed, record.last_update_time_ms or time_ms)
        if record.deleted:
            deleted = ExperimentDeleted(experiment_id=DEFAULT_ID)
            yield from self._event(f"{about}\0deleted", deleted, record.last_update_time_ms or time_ms)

    def _free_id(self, record: ExperimentRecord, about: str) -> int:
        wanted = record.experiment_id
        if wanted.isascii() and wanted.isdigit() and str(int(wanted)) == wanted and int(wanted) < _LARGEST_ID:
            experiment_id = int(wanted)
            if experiment_id not in self._facts.target.experiments:
                return experiment_id
        number = int.from_bytes(blake2b(about.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        while (experiment_id := 10**17 + number % (9 * 10**17)) in self._facts.target.experiments:
            number += 1
        return experiment_id

    def _free_name(self, record: ExperimentRecord, experiment_id: int) -> str:
        if record.name and record.name not in self._facts.target.names:
            return record.name
        name = self._other_name(record, experiment_id)
        while name in self._facts.target.names:
            name += "-again"
        return name

    def _other_name(self, record: ExperimentRecord, experiment_id: int) -> str:
        if not record.name:
            return f"recovered-{experiment_id}"
        return f"{record.name}-{'deleted' if record.deleted else 'imported'}-{experiment_id}"

    def _name_given(self, record: ExperimentRecord, experiment_id: int) -> str:
        """The name that an experiment which is there already was imported under."""
        if self._facts.target.names.get(record.name) == experiment_id:
            return record.name
        other = self._other_name(record, experiment_id)
        return next(
            (name for name in (other, f"{other}-again") if self._facts.target.names.get(name) == experiment_id),
            record.name,
        )

    def ensure_default(self) -> Iterator[Made]:
        """Stock clients log in experiment 0 when they name none, and a server makes it only in a log that is empty."""
        if self._has_default:
            return
        self._has_default = True
        about = "experiment\0default"
        if (self._was_empty or self._facts.is_there(about)) and DEFAULT_NAME not in self._facts.target.names:
            self._facts.target.created(DEFAULT_ID, DEFAULT_NAME, imported=False)
            payload = ExperimentCreated(experiment_id=DEFAULT_ID, name=DEFAULT_NAME, artifact_location=DEFAULT_LOCATION)
            yield from self._event(about, payload, 0)

    def ensure(self, key: str, where: str, time_ms: int | None) -> Iterator[Made]:
        """Make sure that the experiment which a run or a model names is there."""
        if key in self._experiments:
            return
        self._report.odd("experiments", where, f"its experiment {key!r:.100} is not there: it is made")
        tally = self._report.tally("experiments")
        tally.source += 1
        yield from self.events(
            ExperimentRecord(
                where=where, key=key, experiment_id=key, name="", artifact_location="", creation_time_ms=time_ms
            )
        )
