"""The greatest length of every text and list in a request, declared beside its field: see `schemas.messages`.

Where MLflow has a limit it is MLflow's, and where it has none it is one that no client is known to reach.
Source: MLflow's request checks as observed on a 3.17 server; docs/differences.md names those that are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from schemas.errors import InvalidParameterValue

MAX_KEY_CHARACTERS: Final = 250
"""Of metrics, params and tags."""
MAX_PARAM_CHARACTERS: Final = 6000
"""A longer value is cut, not refused; MLflow does so unless MLFLOW_TRUNCATE_LONG_VALUES is off."""
MAX_TAG_CHARACTERS: Final = 8000
"""Cut like a param."""
MAX_RUN_NAME_CHARACTERS: Final = MAX_TAG_CHARACTERS
"""A run's name is a tag of it too. MLflow checks nothing here; its column takes 250 characters on PostgreSQL."""
MAX_ID_CHARACTERS: Final = 250
"""Of runs, experiments and models as requests spell them. MLflow's own have 34 at most."""
MAX_NAME_CHARACTERS: Final = 500
"""Of experiments, datasets and logged models; and of users, which MLflow does not check."""
MAX_WORD_CHARACTERS: Final = 100
"""Of a status, a view type, a date: words of which the server knows a few."""
MAX_NUMBER_CHARACTERS: Final = 400
"""Of a number as text. The longest double takes 309 digits before its point."""

MAX_EXPERIMENT_TAG_CHARACTERS: Final = 20_000
MAX_ARTIFACT_LOCATION_CHARACTERS: Final = 2048
MAX_INPUT_TAG_KEY_CHARACTERS: Final = 255
MAX_INPUT_TAG_VALUE_CHARACTERS: Final = 500
MAX_DATASET_DIGEST_CHARACTERS: Final = 36
MAX_DATASET_SOURCE_CHARACTERS: Final = 65_535
MAX_DATASET_SCHEMA_CHARACTERS: Final = 1_048_575
MAX_DATASET_PROFILE_CHARACTERS: Final = 16_777_215
MAX_MODEL_VERSIONS_CHARACTERS: Final = 100_000
"""Of the list of versions that were made from a logged model, in a tag of it: some 2,000. Refused, never cut."""
MAX_MODEL_JSON_CHARACTERS: Final = 65_536
"""Of an older client's description of a model: the text of its file MLmodel, a few thousand."""

MAX_REGISTRY_TAG_CHARACTERS: Final = 100_000
"""Of a tag of a registered model or of a version, such as the text of a prompt. Refused, never cut."""
MAX_REGISTRY_DESCRIPTION_CHARACTERS: Final = 100_000
"""Of a registered model or a version. MLflow checks nothing here; its column takes 5,000 on PostgreSQL."""
MAX_ALIAS_CHARACTERS: Final = 255
MAX_ROLE_DESCRIPTION_CHARACTERS: Final = 5000
"""Of a role of users. MLflow checks nothing here; its column takes 1,024 on PostgreSQL."""

MAX_EVALUATION_DATASET_TAGS_CHARACTERS: Final = 1_000_000
"""Of all tags of an evaluation dataset in one request, as the text of a JSON object."""
MAX_DATASET_EXPERIMENTS: Final = 1000
"""That an evaluation dataset is made for, or is to be for, in one request."""
MAX_RECORDS_CHARACTERS: Final = 16_777_216
"""Of records of an evaluation dataset in one request, as the text of a JSON list: what a body may have."""
MAX_RECORDS_NAMED: Final = 10_000
"""In one request to delete records."""
MAX_ISSUE_CHARACTERS: Final = 100_000
"""Of what an issue is, and of each of its causes. MLflow has no limit."""
MAX_ISSUE_LIST: Final = 100
"""Causes, or categories, of an issue."""
MAX_INSTRUCTION_CHARACTERS: Final = 1000
MAX_LABEL_CHARACTERS: Final = 64
MAX_OPTIONS: Final = 10
"""Of a label schema; these are MLflow's."""
MAX_QUEUE_LIST: Final = 1000
"""Reviewers, or label schemas, of a review queue."""
MAX_QUEUED_ITEMS: Final = 10_000
"""Items that are put into a review queue, or taken out of it, in one request."""
MAX_SERIALIZED_SCORER_CHARACTERS: Final = 100_000
"""Of the text of a scorer, with the instructions of its judge. MLflow has no limit."""
MAX_SCORERS_NAMED: Final = 1000
"""In one request; the page asks for those of one experiment."""

MAX_BATCH_METRICS: Final = 1000
MAX_BATCH_PARAMS: Final = 100
MAX_BATCH_TAGS: Final = 100
MAX_NEW_PAIRS: Final = 1000
"""Params or tags of a new run, experiment or logged model."""
MAX_INPUTS: Final = 1000
"""Datasets, or models, in one request about a run's inputs or outputs."""
MAX_DATASET_TAGS: Final = 100

MAX_SEARCHED_EXPERIMENTS: Final = 20_000
MAX_EVENT_TYPES: Final = 20
"""In one request for the history."""
MAX_FILTER_CHARACTERS: Final = 100_000
"""A list of some 2,500 run ids."""
MAX_ORDER_TERMS: Final = 20
MAX_ORDER_CHARACTERS: Final = 1000
MAX_DATASETS_SEARCHED: Final = 100
MAX_PAGE_TOKEN_CHARACTERS: Final = 1_000_000
"""A token holds the values that the last result was sorted by, which may be tags."""
MAX_PATH_CHARACTERS: Final = 4096
"""Of a path inside an artifact store, whose own bound is in bytes."""


class Cut(NamedTuple):
    """Beside a text of any length, of which so many characters are kept."""

    characters: int


def _text(most: int) -> msgspec.Meta:
    return msgspec.Meta(max_length=most)


Id = Annotated[str, _text(MAX_ID_CHARACTERS)]
Key = Annotated[str, _text(MAX_KEY_CHARACTERS)]
Name = Annotated[str, _text(MAX_NAME_CHARACTERS)]
RunName = Annotated[str, _text(MAX_RUN_NAME_CHARACTERS)]
Word = Annotated[str, _text(MAX_WORD_CHARACTERS)]
EventTypes = Annotated[list[Word], msgspec.Meta(max_length=MAX_EVENT_TYPES)]
NumberText = Annotated[str, _text(MAX_NUMBER_CHARACTERS)]
PageToken = Annotated[str, _text(MAX_PAGE_TOKEN_CHARACTERS)]
Filter = Annotated[str, _text(MAX_FILTER_CHARACTERS)]
Path = Annotated[str, _text(MAX_PATH_CHARACTERS)]
Digest = Annotated[str, _text(MAX_DATASET_DIGEST_CHARACTERS)]
Orders = Annotated[list[Annotated[str, _text(MAX_ORDER_CHARACTERS)]], _text(MAX_ORDER_TERMS)]
ExperimentIds = Annotated[list[Id], _text(MAX_SEARCHED_EXPERIMENTS)]
RunIds = Annotated[list[Id], _text(MAX_INPUTS)]
"""Routes that name runs take at most 100 of them, with an error of their own."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The greatest lengths of a field; None where it cannot be such a value, or where it is cut."""

    characters: int | None = None
    elements: int | None = None
    element_characters: int | None = None

    def check(self, value: Any, at: str) -> None:
        """Refuse a text or list that is too long; other values are not checked here.

        Raises InvalidParameterValue naming the field and both lengths.
        """
        if isinstance(value, str):
            check_characters(value, self.characters, at)
        elif isinstance(value, list):
            if self.elements is not None and len(value) > self.elements:
                raise InvalidParameterValue(
                    f"Invalid value for parameter '{at}': it has {len(value)} elements, which exceeds the maximum"
                    f" length of {self.elements}."
                )
            if self.element_characters is not None:
                for index, element in enumerate(value):
                    if isinstance(element, str) and len(element) > self.element_characters:
                        check_characters(element, self.element_characters, f"{at}[{index}]")


def check_characters(text: str, most: int | None, at: str) -> None:
    """Refuse text of more than `most` characters; `at` is the field it stood in.

    Raises InvalidParameterValue.
    """
    if most is not None and len(text) > most:
        raise InvalidParameterValue(
            f"Invalid value {shown(text)} for parameter '{at}': it has {len(text)} characters, which exceeds the"
            f" maximum length of {most}."
        )


def shown(text: str) -> str:
    """Text for a message: quoted, and short whatever was sent."""
    return repr(text if len(text) <= 100 else text[:100] + "…")


@cache
def bounds_of(message_type: type[msgspec.Struct]) -> dict[str, Bound]:
    """The declared bounds of a message's fields that may be texts or lists."""
    hints = get_type_hints(message_type, include_extras=True)
    found = {name: _bound(hints[name]) for name in message_type.__struct_fields__}
    return {name: bound for name, bound in found.items() if bound != Bound()}


def _bound(annotation: Any) -> Bound:
    for one in alternatives(annotation):
        most = max_length(one)
        kind = get_args(one)[0] if get_origin(one) is Annotated else one
        if kind is str and most is not None:
            return Bound(characters=most)
        if get_origin(kind) in (list, Sequence):
            (element,) = get_args(kind)
            return Bound(elements=most, element_characters=max_length(element))
    return Bound()


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows."""
    origin = get_origin(annotation)
    if origin is Annotated or origin in (list, Sequence) or not get_args(annotation):
        return (annotation,)
    return get_args(annotation)


def max_length(annotation: Any) -> int | None:
    """The greatest length that is declared right beside a type."""
    if get_origin(annotation) is not Annotated:
        return None
    return next((one.max_length for one in annotation.__metadata__ if isinstance(one, msgspec.Meta)), None)
