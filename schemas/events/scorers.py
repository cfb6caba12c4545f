"""The events of a scorer, in the stream scorer/<experiment id>/<name in percent-encoding>.

A scorer is a judge of traces that clients run: what is stored of it is text, and no server ever executes it.
"""

from typing import Final
from urllib.parse import quote

from schemas.events.erasures import Erasure
from schemas.events.event import Event, StreamKind

SCORERS: Final = StreamKind("scorer")


def scorer_reference(experiment_id: int, name: str) -> str:
    """What names a scorer in one text, as grants on it do too."""
    return f"{experiment_id}/{quote(name, safe='')}"


class ScorerEvent(Event, frozen=True):
    kind = SCORERS

    experiment_id: int
    name: str

    @property
    def stream_key(self) -> str:
        return scorer_reference(self.experiment_id, self.name)


class ScorerRegistered(ScorerEvent, frozen=True):
    """A version with the next number. `scorer_id` counts where the experiment has no scorer of the name yet.

    `version_id` is what the version is found by; clients never see it.
    """

    event_type = "scorer.registered"

    scorer_id: str
    version_id: str
    serialized_scorer: str


class ScorerDeleted(ScorerEvent, frozen=True):
    """One version is gone, or without a number the scorer with all of them and how it is scored online."""

    event_type = "scorer.deleted"

    version: int | None = None


class ScorerOnlineConfigSet(ScorerEvent, frozen=True):
    """Which share of new traces, from 0 to 1, is to be scored online, and of which traces; None of all."""

    event_type = "scorer.online-config-set"

    online_scoring_config_id: str
    sample_rate: float
    filter_string: str | None = None


class ScorerErased(ScorerEvent, frozen=True):
    """Nothing of the scorer is there any more, for good: it goes with its experiment."""

    event_type = "scorer.erased"

    erasure: Erasure


AnyScorerEvent = ScorerRegistered | ScorerDeleted | ScorerOnlineConfigSet | ScorerErased
