"""What the events of a scorer set: its name while it is there, and how it is scored online. Versions never change."""

from collections.abc import Mapping
from typing import Final, assert_never

import orjson

from schemas.events import AnyScorerEvent, ScorerDeleted, ScorerErased, ScorerOnlineConfigSet, ScorerRegistered
from schemas.fields.field import NAME, Held, Value

ONLINE_CONFIG: Final = "online_config"
"""Its id, the share of traces and the filter, as JSON."""


def set_by_scorer_event(event: AnyScorerEvent, held: Held) -> Mapping[str, Value]:
    match event:
        case ScorerRegistered():
            return {NAME: event.name}
        case ScorerOnlineConfigSet():
            return {ONLINE_CONFIG: online_config(event)}
        case ScorerDeleted():
            return dict.fromkeys(held) if event.version is None else {}
        case ScorerErased():
            return {}
        case _:
            assert_never(event)


def online_config(event: ScorerOnlineConfigSet) -> str:
    """What ONLINE_CONFIG is after an event."""
    return config_text(event.online_scoring_config_id, event.sample_rate, event.filter_string)


def config_text(config_id: str, sample_rate: float, filter_string: str | None) -> str:
    return orjson.dumps(
        {"online_scoring_config_id": config_id, "sample_rate": float(sample_rate), "filter_string": filter_string}
    ).decode()
