"""Registered models of a store as events, with their versions by the numbers that these have."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from schemas.events import (
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelUpdated,
)
from schemas.mlflow import MODEL_VERSION_STAGES, NEW_MODEL_VERSION_STAGE, is_prompt_marker
from tracklog.moving.event_ids import derived
from tracklog.moving.facts import Facts, Made, uuid_of
from tracklog.moving.records import RegisteredRecord, VersionRecord

MOST_MISSING_VERSIONS: Final = 10_000
"""Numbers of versions that a model may lack. Each is made and deleted, so that it counts as given."""

_MODEL_SOURCE: Final = re.compile(r"models:/(m-[0-9a-f]{32})")


class MadeModel(NamedTuple):
    """A registered model as it is here."""

    registered_model_id: str
    is_prompt: bool


class RegistryTranslation:
    """The fold gives versions their numbers one after the other: those that are missing are made and deleted.

    `made` are those that were translated, by the names that they have in the source.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._event = facts.event
        self._report = facts.report
        self._lost = facts.lost
        self.made: dict[str, MadeModel] = {}
        self._numbers: set[int] = set()  # of the versions that were made last

    def events(self, record: RegisteredRecord) -> Iterator[Made]:
        """What a registered model comes to, with all that is its own."""
        about = f"registered-model\0{record.name}\0{record.creation_time_ms}"
        time_ms = record.creation_time_ms or record.last_update_time_ms
        created = derived(f"{about}\0created", b"").about
        name = self._facts.target.imported_names.get(created) or self._free_model_name(record.name)
        if name != record.name:
            self._report.renamed.append(("registered model", f"{record.name!r} ({record.where})", repr(name)))
        self._facts.target.registered.add(name)
        is_prompt = any(is_prompt_marker(tag.key, tag.value) for tag in record.tags)
        self.made[record.name] = MadeModel(uuid_of(about), is_prompt)
        payload = RegisteredModelCreated(
            name=name,
            registered_model_id=uuid_of(about),
            description=record.description,
            tags=list(record.tags),
        )
        counted = {"registered models": 1, "tags of registered models": len(record.tags)}
        yield from self._event(f"{about}\0created", payload, time_ms, counted, record.where)
        yield from self._versions(record, name, 0)
        alive = {version.version for version in record.versions if not version.deleted}
        for alias, number in record.aliases:
            if number not in alive or number not in self._numbers:
                what = f"left: the alias {alias!r:.100} is of version {number}, which is not there"
                self._report.odd("aliases", record.where, what, 1)
                continue
            set_alias = RegisteredModelAliasSet(name=name, alias=alias, version=number)
            changed_ms = record.last_update_time_ms or time_ms
            yield from self._event(f"{about}\0alias\0{alias}", set_alias, changed_ms, {"aliases": 1}, record.where)
        if record.last_update_time_ms and record.last_update_time_ms != time_ms:
            updated = RegisteredModelUpdated(name=name, description=record.description)
            yield from self._event(f"{about}\0updated", updated, record.last_update_time_ms)

    def more_versions(self, record: RegisteredRecord, last: int) -> Iterator[Made]:
        """The versions after `last`, of a model that was translated before by the name that it has."""
        newer = [version for version in record.versions if version.version > last]
        yield from self._versions(replace(record, versions=newer), record.name, last)

    def _versions(self, record: RegisteredRecord, name: str, last: int) -> Iterator[Made]:
        """All versions of a model whose numbers follow `last`; one whose number cannot is left."""
        about = f"registered-model\0{record.name}\0{record.creation_time_ms}"
        time_ms = record.creation_time_ms or record.last_update_time_ms
        self._numbers = set()
        for version in record.versions:
            if version.version <= last or version.version - last - 1 > MOST_MISSING_VERSIONS:
                what = f"left: the number {version.version} cannot follow {last}"
                self._report.odd("model versions", version.where, what, 1)
                self._lost("tags of model versions", version.where, "of a version that is left", len(version.tags))
                continue
            for missing in range(last + 1, version.version):
                yield from self._used_number(name, about, missing, time_ms)
            last = version.version
            self._numbers.add(last)
            yield from self._version(name, f"{about}\0{last}", version, time_ms)

    def _free_model_name(self, wanted: str) -> str:
        name = wanted or "recovered"
        while name in self._facts.target.registered:
            name += "-imported"
        return name

    def _used_number(self, name: str, about: str, version: int, time_ms: int | None) -> Iterator[Made]:
        """A number that was given once, and that nothing is known of."""
        about = f"{about}\0{version}"
        payload = ModelVersionCreated(name=name, version_id=uuid_of(about), source="", storage_location="")
        yield from self._event(f"{about}\0created", payload, time_ms)
        yield from self._event(f"{about}\0deleted", ModelVersionDeleted(name=name, version=version), time_ms)

    def _version(self, name: str, about: str, record: VersionRecord, model_time_ms: int | None) -> Iterator[Made]:
        """A transition moves the model's time too, and an update the version's alone: so it is the later of the two."""
        time_ms = record.creation_time_ms or model_time_ms
        changed_ms = record.last_update_time_ms or time_ms
        version_id = uuid_of(about)
        place = f"model-versions/{version_id}"
        source, location = record.source, record.storage_location
        if not record.deleted:  # of one that is, MLflow has words in their place
            source = self._facts.source(source, place, record.where)
            location = self._facts.source(location, place, record.where)
        model = _MODEL_SOURCE.fullmatch(record.source)
        payload = ModelVersionCreated(
            name=name,
            version_id=version_id,
            source=source,
            storage_location=location or source,
            run_id=record.run_id,
            run_link=record.run_link,
            logged_model_id=record.model_id or (model[1] if model else ""),
            description=record.description,
            tags=list(record.tags),
        )
        counted = {"model versions": 1, "tags of model versions": len(record.tags)}
        yield from self._event(f"{about}\0created", payload, time_ms, counted, record.where)
        number = record.version
        if record.deleted:
            deleted = ModelVersionDeleted(name=name, version=number)
            yield from self._event(f"{about}\0deleted", deleted, changed_ms)
            return
        if record.stage not in MODEL_VERSION_STAGES:
            self._report.odd("model versions", record.where, f"its stage {record.stage!r:.50} is no word that is known")
        if record.stage and record.stage != NEW_MODEL_VERSION_STAGE:
            transitioned = ModelVersionTransitioned(name=name, version=number, stage=record.stage)
            yield from self._event(f"{about}\0transitioned", transitioned, time_ms)
        if changed_ms != time_ms:
            updated = ModelVersionUpdated(name=name, version=number, description=record.description)
            yield from self._event(f"{about}\0updated", updated, changed_ms)
