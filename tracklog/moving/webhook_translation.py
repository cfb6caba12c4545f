"""Webhooks and scorers of a store as events."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from schemas.events import (
    ScorerDeleted,
    ScorerOnlineConfigSet,
    ScorerRegistered,
    WebhookCreated,
    WebhookDeleted,
)
from schemas.messages.webhooks import MAX_URL_CHARACTERS
from schemas.webhook_events import ANNOUNCEMENTS, MLFLOW_PAIRS
from tracklog.moving.experiment_translation import ExperimentTranslation
from tracklog.moving.facts import Facts, Made, uuid_of
from tracklog.moving.records import ScorerRecord, WebhookRecord

DISABLED: Final = "DISABLED"

MOST_MISSING_VERSIONS: Final = 10_000
"""Numbers of versions that a scorer may lack, as of a registered model."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")


class WebhookTranslation:
    """All are disabled when they come: the old server may still send, and their secrets stayed with it."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def events(self, record: WebhookRecord) -> Iterator[Made]:
        """What a webhook comes to."""
        facts, where = self._facts, record.where
        about = f"webhook\0{record.webhook_id}"
        pairs = [MLFLOW_PAIRS.get(pair) for pair in record.events]
        names = {one.name for one in pairs if one is not None}
        if unknown := [pair for pair, one in zip(record.events, pairs, strict=True) if one is None]:
            facts.report.odd("webhooks", where, f"it is not told of what nobody knows here: {unknown!r:.200}")
        if reason := self._refused(record, names):
            facts.lost("webhooks", where, f"left: {reason}", 1)
            return
        if not record.deleted_time_ms:
            secret = "; its secret has to be set again" if record.has_secret else ""
            facts.report.odd("webhooks", where, f"{record.name!r:.100} is disabled until somebody enables it{secret}")
        created = WebhookCreated(
            webhook_id=record.webhook_id,
            name=record.name,
            url=record.url,
            events=[name for name in ANNOUNCEMENTS if name in names],
            # Told of what comes once it is enabled: until then it is disabled, from the first event on.
            since=[0] * facts.target.partitions,
            description=record.description,
            status=DISABLED,
        )
        time_ms = record.creation_time_ms or record.last_update_time_ms
        yield from facts.event(f"{about}\0created", created, time_ms, {"webhooks": 1}, where)
        if record.deleted_time_ms:
            deleted = WebhookDeleted(webhook_id=record.webhook_id)
            yield from facts.event(f"{about}\0deleted", deleted, record.deleted_time_ms)

    def _refused(self, record: WebhookRecord, names: set[str]) -> str | None:
        """Why a webhook stays behind; None where it does not."""
        try:
            parts = urlsplit(record.url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and record.url.isprintable()
        except ValueError:
            is_address = False
        if not is_address or len(record.url) > MAX_URL_CHARACTERS:
            return f"its address is none that can be called: {record.url!r:.200}"
        if _ID.fullmatch(record.webhook_id) is None:
            return "its id is none"
        return None if names else "it is told of nothing that is known here"


class ScorerTranslation:
    """The fold gives versions their numbers one after the other: those that are missing are made and deleted."""

    def __init__(self, facts: Facts, experiments: ExperimentTranslation) -> None:
        self._facts = facts
        self._experiments = experiments
        self._made: set[tuple[int, str]] = set()

    def events(self, record: ScorerRecord) -> Iterator[Made]:
        """What a scorer comes to, with its versions and how it scores online."""
        facts, where = self._facts, record.where
        about = f"scorer\0{record.scorer_id}"
        yield from self._experiments.ensure(record.experiment_key, where, None)
        experiment_id = self._experiments.id_of(record.experiment_key)
        key = experiment_id, record.name
        is_there = facts.is_there(f"{about}\0{record.versions[0].version}") if record.versions else False
        if (
            not record.name
            or not record.versions
            or key in self._made
            or (key in facts.target.scorers and not is_there)
        ):
            facts.lost("scorers", where, f"left: {record.name!r:.100} has no name or version, or is there already", 1)
            facts.lost("versions of scorers", where, "left: of a scorer that is", len(record.versions))
            return
        self._made.add(key)
        last, time_ms, counted = 0, None, {"scorers": 1, "versions of scorers": 1}
        for version in record.versions:
            if version.version <= last or version.version - last - 1 > MOST_MISSING_VERSIONS:
                facts.lost("versions of scorers", where, f"left: {version.version} cannot follow {last}", 1)
                continue
            time_ms = version.creation_time_ms or time_ms
            for missing in range(last + 1, version.version):
                # A number that was given once, and that nothing is known of.
                yield from self._version(record, experiment_id, missing, "", time_ms, {})
                deleted = ScorerDeleted(experiment_id=experiment_id, name=record.name, version=missing)
                yield from facts.event(f"{about}\0{missing}\0deleted", deleted, time_ms)
            last = version.version
            yield from self._version(record, experiment_id, last, version.serialized_scorer, time_ms, counted)
            counted = {"versions of scorers": 1}
        if (online := record.online) is not None:
            config = ScorerOnlineConfigSet(
                experiment_id=experiment_id,
                name=record.name,
                online_scoring_config_id=online.config_id,
                sample_rate=online.sample_rate,
                filter_string=online.filter_string,
            )
            yield from facts.event(f"{about}\0online", config, time_ms)

    def _version(
        self,
        record: ScorerRecord,
        experiment_id: int,
        number: int,
        serialized: str,
        time_ms: int | None,
        counted: dict[str, int],
    ) -> Iterator[Made]:
        about = f"scorer\0{record.scorer_id}\0{number}"
        registered = ScorerRegistered(
            experiment_id=experiment_id,
            name=record.name,
            scorer_id=record.scorer_id,
            version_id=uuid_of(about),
            serialized_scorer=serialized,
        )
        yield from self._facts.event(about, registered, time_ms, counted, record.where)
