"""The projection of scorers, their versions and how they are scored online."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from projector.changes import Change, Delete, DeleteBy, InsertNew, Read, ReadPairs, Row, Upsert
from projector.erasures import DELETED_STREAMS
from projector.projection import Loading, Projection
from schemas.envelope import RecordedEvent
from schemas.errors import ResourceAlreadyExists
from schemas.events import AnyScorerEvent, ScorerDeleted, ScorerErased, ScorerOnlineConfigSet, ScorerRegistered
from schemas.fields import refuse_if_changed
from schemas.fields.scorers import config_text
from schemas.messages.scorers import scorer_not_found


@dataclass(slots=True)
class Scorer:
    """A row of `scorers`."""

    scorer_id: str
    reference: str
    experiment_id: int
    name: str
    last_version: int


@dataclass(slots=True)
class Scorers:
    """The scorers that a batch is about, and what it changes of them."""

    scorers: dict[str, Scorer] = field(default_factory=dict)  # by reference
    stored_ids: set[str] = field(default_factory=set)
    stored_versions: set[tuple[str, int]] = field(default_factory=set)  # of those that are to be deleted
    changed: set[str] = field(default_factory=set)  # references
    deleted: set[str] = field(default_factory=set)  # ids
    versions: dict[tuple[str, int], Row | None] = field(default_factory=dict)  # changes only; None deletes
    stored_configs: dict[str, Row] = field(default_factory=dict)  # of those of which something is undone
    configs: dict[str, Row] = field(default_factory=dict)  # changes only
    deleted_streams: set[tuple[str, int]] = field(default_factory=set)  # with the experiments that had them


_COLUMNS: Final = ("scorer_id", "reference", "experiment_id", "name", "last_version")
_VERSION: Final = ("scorer_id", "version")
_CONFIG: Final = ("scorer_id", "online_scoring_config_id", "sample_rate", "filter_string")


def _load(events: Sequence[AnyScorerEvent]) -> Loading[Scorers]:
    state = Scorers()
    for row in (yield Read("scorers", _COLUMNS, "reference", {event.stream_key for event in events})):
        scorer = Scorer(*row)
        state.scorers[scorer.reference] = scorer
        state.stored_ids.add(scorer.scorer_id)
    named: dict[str, set[int]] = {}
    for event in events:
        known = state.scorers.get(event.stream_key)
        if known is not None and isinstance(event, ScorerDeleted) and event.version is not None:
            named.setdefault(known.scorer_id, set()).add(event.version)
    if named:
        rows = yield ReadPairs("scorer_versions", _VERSION, _VERSION, named)
        state.stored_versions = {(row[0], row[1]) for row in rows}
    undone = [
        state.scorers[event.stream_key].scorer_id
        for event in events
        if event.undo is not None and event.stream_key in state.scorers
    ]
    if undone:
        for row in (yield Read("online_scoring_configs", _CONFIG, "scorer_id", undone)):
            state.stored_configs[row[0]] = row
    return state


def _fold(state: Scorers, recorded: RecordedEvent, event: AnyScorerEvent) -> None:
    scorer = state.scorers.get(event.stream_key)
    if isinstance(event, ScorerRegistered):
        _register(state, recorded, scorer, event)
        return
    if scorer is None:
        raise scorer_not_found(event.experiment_id, event.name)
    match event:
        case ScorerOnlineConfigSet():
            refuse_if_changed(event.undo, lambda _name: _online_config(state, scorer.scorer_id))
            config = (scorer.scorer_id, event.online_scoring_config_id, event.sample_rate, event.filter_string)
            state.configs[scorer.scorer_id] = config
        case ScorerDeleted():
            _delete(state, scorer, event.version, recorded.stream)
        case ScorerErased():
            _delete(state, scorer, None, recorded.stream)


def _online_config(state: Scorers, scorer_id: str) -> str | None:
    """How a scorer is scored online, as a field holds it."""
    config = state.configs.get(scorer_id) or state.stored_configs.get(scorer_id)
    return None if config is None else config_text(*config[1:])


def _register(state: Scorers, recorded: RecordedEvent, scorer: Scorer | None, event: ScorerRegistered) -> None:
    """The numbers of versions that were deleted are not given again."""
    if scorer is None:
        if event.scorer_id in state.stored_ids or event.scorer_id in state.deleted:
            raise ResourceAlreadyExists(f"Scorer id {event.scorer_id} is taken.")
        scorer = Scorer(event.scorer_id, event.stream_key, event.experiment_id, event.name, 0)
        state.scorers[scorer.reference] = scorer
    scorer.last_version += 1
    key = scorer.scorer_id, scorer.last_version
    state.versions[key] = (*key, event.version_id, event.serialized_scorer, recorded.time_us // 1000)
    state.changed.add(scorer.reference)


def _delete(state: Scorers, scorer: Scorer, version: int | None, stream: str) -> None:
    scorer_id = scorer.scorer_id
    if version is None:
        del state.scorers[scorer.reference]
        state.changed.discard(scorer.reference)
        state.configs.pop(scorer_id, None)
        state.stored_configs.pop(scorer_id, None)
        state.versions = {key: row for key, row in state.versions.items() if key[0] != scorer_id}
        state.deleted.add(scorer_id)
        state.deleted_streams.add((stream, scorer.experiment_id))
        return
    key = scorer_id, version
    held = state.versions[key] is not None if key in state.versions else key in state.stored_versions
    if not held:
        raise scorer_not_found(scorer.experiment_id, scorer.name, version)
    state.versions[key] = None


def _changes(state: Scorers) -> Iterator[Change]:
    yield InsertNew(DELETED_STREAMS, sorted(state.deleted_streams))
    deleted = [(scorer_id,) for scorer_id in sorted(state.deleted)]
    yield DeleteBy("scorer_versions", "scorer_id", deleted)
    yield Delete("online_scoring_configs", deleted)
    yield Delete("scorers", deleted)
    yield Upsert("scorers", [_row(state.scorers[reference]) for reference in sorted(state.changed)])
    yield Delete("scorer_versions", [key for key, row in state.versions.items() if row is None])
    yield Upsert("scorer_versions", [row for row in state.versions.values() if row is not None])
    yield Upsert("online_scoring_configs", list(state.configs.values()))


def _row(scorer: Scorer) -> Row:
    return (scorer.scorer_id, scorer.reference, scorer.experiment_id, scorer.name, scorer.last_version)


SCORERS: Final = Projection(get_args(AnyScorerEvent), _load, _fold, _changes)
