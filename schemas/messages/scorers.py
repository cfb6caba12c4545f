"""The requests about scorers."""

from typing import Annotated, ClassVar, Final

import msgspec

from schemas.errors import ResourceDoesNotExist
from schemas.messages.bounds import (
    MAX_SCORERS_NAMED,
    MAX_SERIALIZED_SCORER_CHARACTERS,
    ExperimentIds,
    Filter,
    Id,
    Name,
)
from schemas.messages.message import Int32, Message, Required

_NAMED: Final[Required] = ("experiment_id", "name")


class ScorerMessage(Message):
    """What is about the scorer that an experiment has by a name."""

    required: ClassVar[Required] = _NAMED

    experiment_id: Id = ""
    name: Name = ""


class RegisterScorer(ScorerMessage):
    required: ClassVar[Required] = (*_NAMED, "serialized_scorer")

    serialized_scorer: Annotated[str, msgspec.Meta(max_length=MAX_SERIALIZED_SCORER_CHARACTERS)] = ""


class DeleteScorer(ScorerMessage):
    version: Int32 | None = None


class GetScorer(ScorerMessage):
    version: Int32 | None = None


class ListScorerVersions(ScorerMessage):
    pass


class ListScorers(Message):
    experiment_id: Id = ""
    experiment_ids: ExperimentIds = []


class SetOnlineScoringConfig(ScorerMessage):
    required: ClassVar[Required] = (*_NAMED, "sample_rate")

    sample_rate: float | None = None
    filter_string: Filter | None = None


class GetOnlineScoringConfigs(Message):
    required: ClassVar[Required] = ("scorer_ids",)

    scorer_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_SCORERS_NAMED)] | None = None


def scorer_not_found(experiment_id: int, name: str, version: int | None = None) -> ResourceDoesNotExist:
    of_version = "" if version is None else f" and version {version}"
    return ResourceDoesNotExist(f"Scorer with name '{name}'{of_version} not found for experiment {experiment_id}.")
