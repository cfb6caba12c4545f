"""What a request needs of who asks: rules that routes declare, and who judges by them.

A rule names the fields of the request's message that say what it is about. It is judged on the message as the handler
has it, so nobody can show the judge one thing and the handler another.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from aiohttp import web

from schemas.levels import Level
from schemas.messages.message import Message
from schemas.sight import Sight

EXPERIMENT_NAMED: Final = "experiment_name"
"""An experiment by its name; one that is not there may be asked for by everybody."""
RUN: Final = "run"
LOGGED_MODEL: Final = "logged_model"
TRACE: Final = "trace"
ISSUE: Final = "issue"
LABEL_SCHEMA: Final = "label_schema"
"""Both by their ids: as the experiment that they lie in."""
REVIEW_QUEUE: Final = "review_queue"
EVALUATION_DATASET: Final = "evaluation_dataset"
"""By its id: as every experiment that it is for."""
TRACE_IF_ANY: Final = "trace_if_any"
"""One that is not there may be written by everybody, as far as its experiment is concerned."""
TRACES_OF: Final = "traces_of_experiment"
"""The traces of an experiment, by its id."""
MODEL_VERSION: Final = "registered_model_version"
"""By the name of its model."""
PROMPT_VERSION: Final = "prompt_version"
ARTIFACT: Final = "artifact"
"""By its path in the destination of the artifact proxy: as what it belongs to."""
ARTIFACT_LOCATION: Final = "artifact_location"
"""A URI that somebody chose for the artifacts of a new experiment."""
SOURCE: Final = "source"
"""A URI that is to be the source of a model version."""
GRANTED: Final = "granted"
"""What a grant is about, as its type and id with a colon between them."""

Keys: TypeAlias = str | Callable[[Any], Iterable[str]]
"""A field of a message with one key or a list of them, or what reads them from the message."""


@dataclass(frozen=True, slots=True)
class On:
    """A level on every resource of one type that the request names.

    `of` None: the handler itself says which, by `allow`. `optional`: none need be named. `unless_denied`: a type of
    what lies in the resource, of which everything may be denied.
    """

    level: Level
    type: str
    of: Keys | None
    optional: bool = False
    unless_denied: str = ""

    def keys(self, message: Message) -> Iterable[str]:
        """What a message names, without what is empty."""
        assert self.of is not None, "the handler says what the request is about"
        found = self.of(message) if callable(self.of) else getattr(message, self.of)
        if found.__class__ is str:
            return (found,) if found else ()
        return [str(one) for one in found or () if one]

    def __str__(self) -> str:
        optional = " if one is named" if self.optional else ""
        denied = f", unless every {self.unless_denied} is denied" if self.unless_denied else ""
        return f"{self.level.name} on the {self.type}{optional}{denied}"


@dataclass(frozen=True, slots=True)
class Creates:
    """A new resource of a type, which every user may create unless all of that type are denied."""

    type: str

    def __str__(self) -> str:
        return f"a user, unless every {self.type} is denied"


Rule: TypeAlias = tuple[On | Creates, ...]
"""All of them have to be met."""


class Asking(ABC):
    """Who asks in one request, where that decides what is answered. A handler that never asks it is at fault.

    Every method raises PermissionDenied for what is not allowed, InvalidParameterValue for a request that names nothing
    of what its rule is about, and TemporarilyUnavailable when what was granted cannot be asked for.
    """

    is_decided = False
    """Whether it was asked what is allowed, or what is seen."""

    @abstractmethod
    async def allow(self, message: Message) -> None:
        """Go on only if the rule of the route is met by what the message names."""

    @abstractmethod
    async def allow_keys(self, *keys: str) -> None:
        """The same of a rule that leaves it to the handler to say what the request is about."""

    @abstractmethod
    async def allow_by(self, rule: Rule, message: Message) -> None:
        """Go on only if another rule is met, by a message that is a part of the request."""

    @abstractmethod
    async def sight(self, level: Level = Level.READ) -> Sight:
        """What a search may find, for being allowed so much on it."""


ASKING: Final[web.RequestKey[Asking | None]] = web.RequestKey("tracklog.asking", Asking | None)  # type: ignore[arg-type]
"""Set before the handler of a route runs; None where everything is allowed."""


async def allow(request: web.Request, *keys: str) -> None:
    """Go on only if the rule of the request's route is met by these keys. Raises as `Asking` does."""
    asking = request.get(ASKING)
    if asking is not None:
        await asking.allow_keys(*keys)


async def sight_of(request: web.Request) -> Sight | None:
    """What the sender of a request may find; None for everything. Raises as `Asking` does."""
    asking = request.get(ASKING)
    return None if asking is None else await asking.sight()
