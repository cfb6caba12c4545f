"""The webhooks and the scorers of a database of MLflow, which are few: they are held in memory."""

from collections import defaultdict
from typing import Any

from tracklog.moving.cells import Cells
from tracklog.moving.database_rows import DatabaseRows
from tracklog.moving.grouped import Row
from tracklog.moving.records import (
    OddityRecord,
    OnlineScoringRecord,
    Records,
    ScorerRecord,
    ScorerVersionRecord,
    SizeRecord,
    WebhookRecord,
)


class WebhookReader:
    """Reads webhooks. Their secrets are sealed by a key that the old server has, or had."""

    def __init__(self, rows: DatabaseRows, cells: Cells) -> None:
        self._rows = rows
        self._cells = cells

    def records(self) -> Records:
        """Each webhook with the events that it is told of."""
        kind, cells = "webhooks", self._cells
        events: dict[Any, list[tuple[str, str]]] = defaultdict(list)
        columns = ("webhook_id", "entity", "action")
        for webhook_id, entity, action in self._rows.of("webhook_events", columns, then=columns):
            # The requests and the answers of MLflow have the words in capitals, and its rows in small letters.
            pair = cells.text(entity, kind, "webhook_events"), cells.text(action, kind, "webhook_events")
            events[webhook_id].append((pair[0].upper(), pair[1].upper()))
        names = (
            "webhook_id",
            "name",
            "description",
            "url",
            "secret",
            "creation_timestamp",
            "last_updated_timestamp",
            "deleted_timestamp",
        )
        for webhook_id, name, description, url, secret, created, updated, deleted in self._rows.of(
            kind, names, then=("webhook_id",)
        ):
            where = f"webhooks, webhook_id {webhook_id!r:.50}"
            yield SizeRecord(kind, 1)
            yield WebhookRecord(
                where=where,
                webhook_id=cells.text(webhook_id, kind, where),
                name=cells.text(name, kind, where),
                description=cells.text(description, kind, where),
                url=cells.text(url, kind, where),
                events=events.pop(webhook_id, ()),
                has_secret=bool(secret),
                creation_time_ms=cells.number(created, kind, where),
                last_update_time_ms=cells.number(updated, kind, where),
                deleted_time_ms=cells.number(deleted, kind, where),
            )
            yield from cells.take()
        for webhook_id in events:
            yield OddityRecord(kind, f"webhook_events, webhook_id {webhook_id!r:.50}", "there is no such webhook")


class ScorerReader:
    """Reads scorers with their versions, and how they score online."""

    def __init__(self, rows: DatabaseRows, cells: Cells) -> None:
        self._rows = rows
        self._cells = cells

    def records(self) -> Records:
        """Each scorer with all that is its own."""
        kind, cells = "scorers", self._cells
        versions: dict[Any, list[Row]] = defaultdict(list)
        columns = ("scorer_id", "scorer_version", "serialized_scorer", "creation_time")
        for row in self._rows.of("scorer_versions", columns, then=columns[:2]):
            versions[row[0]].append(row)
            yield SizeRecord("versions of scorers", 1)
        online = {
            row[0]: row
            for row in self._rows.of(
                "online_scoring_configs",
                ("scorer_id", "online_scoring_config_id", "sample_rate", "filter_string"),
                then=("scorer_id",),
            )
        }
        for scorer_id, experiment, name in self._rows.of(
            kind, ("scorer_id", "experiment_id", "scorer_name"), then=("experiment_id", "scorer_name")
        ):
            where = f"scorers, scorer_id {scorer_id!r:.50}"
            config = online.pop(scorer_id, None)
            yield SizeRecord(kind, 1)
            yield ScorerRecord(
                where=where,
                scorer_id=cells.text(scorer_id, kind, where),
                experiment_key=str(experiment),
                name=cells.text(name, kind, where),
                versions=[
                    ScorerVersionRecord(
                        version=cells.number(row[1], kind, where) or 0,
                        serialized_scorer=cells.text(row[2], kind, where),
                        creation_time_ms=cells.number(row[3], kind, where),
                    )
                    for row in sorted(versions.pop(scorer_id, ()), key=lambda row: (isinstance(row[1], int), row[1]))
                ],
                online=None if config is None else self._online(config, where),
            )
            yield from cells.take()
        for scorer_id, lost in versions.items():
            where = f"scorer_versions, scorer_id {scorer_id!r:.50}"
            yield OddityRecord("versions of scorers", where, "left: there is no such scorer", len(lost))
        for scorer_id in online:
            yield OddityRecord(kind, f"online_scoring_configs, scorer_id {scorer_id!r:.50}", "there is no such scorer")

    def _online(self, row: Row, where: str) -> OnlineScoringRecord | None:
        try:
            rate = float(row[2])
        except (TypeError, ValueError):
            rate = -1.0
        if not 0 <= rate <= 1:
            self._cells.odd("scorers", where, f"left: how it scores online, a share of {row[2]!r:.50}")
            return None
        condition = None if row[3] is None else self._cells.text(row[3], "scorers", where)
        return OnlineScoringRecord(self._cells.text(row[1], "scorers", where), rate, condition)
