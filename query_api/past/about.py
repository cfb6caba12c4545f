"""Which streams the single thing that a message names is folded from.

The live read model knows it: what a thing once had to do with is not forgotten there, however long ago it was.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from query_api.events.spans import former_names
from query_api.port import ReadModel
from schemas.events.experiments import EXPERIMENTS
from schemas.events.logged_models import LOGGED_MODELS
from schemas.events.registered_models import REGISTERED_MODELS
from schemas.events.runs import RUNS
from schemas.messages.experiments import GetExperiment, experiment_id_of
from schemas.messages.logged_models import GetLoggedModel
from schemas.messages.message import Message

M = TypeVar("M", bound=Message)

_EXPERIMENT_OF: Final = "SELECT experiment_id FROM runs WHERE run_id = $1"
_REPORTED_BY: Final = "SELECT DISTINCT run_id FROM logged_model_metrics WHERE model_id = $1"
_MODEL_NAMED: Final = "SELECT registered_model_id FROM registered_models WHERE name = $1"

_LED_TO: Final = """
WITH RECURSIVE led_to (name) AS (
  SELECT name FROM registered_model_names WHERE former_name = ANY($1)
  UNION
  SELECT later.name FROM led_to JOIN registered_model_names later ON later.former_name = led_to.name
)
SELECT name FROM led_to
"""
"""The names to which models were ever renamed from some, and from these on."""


@dataclass(frozen=True, slots=True)
class About(Generic[M]):
    """`streams(live read model, message)` are all whose events can be in the answer.

    `identity(read model, message)` is what tells the thing from others that had or will have the same name; None where
    its id is its own for ever.
    """

    streams: Callable[[ReadModel, M], Awaitable[Sequence[str]]]
    identity: Callable[[ReadModel, M], Awaitable[str | None]] | None = None


async def _run(live: ReadModel, wanted: Any) -> Sequence[str]:
    """A run is deleted with its experiment."""
    found = await live.fetch(live.dialect.statement(_EXPERIMENT_OF), (wanted.run,))
    return RUNS.stream(wanted.run), *(EXPERIMENTS.stream(str(row[0])) for row in found)


async def _metric(_live: ReadModel, wanted: Any) -> Sequence[str]:
    return (RUNS.stream(wanted.run),)


async def _experiment(_live: ReadModel, wanted: GetExperiment) -> Sequence[str]:
    return (EXPERIMENTS.stream(str(experiment_id_of(wanted.experiment_id))),)


async def _logged_model(live: ReadModel, wanted: GetLoggedModel) -> Sequence[str]:
    """Runs report its metrics."""
    found = await live.fetch(live.dialect.statement(_REPORTED_BY), (wanted.model_id,))
    return LOGGED_MODELS.stream(wanted.model_id), *(RUNS.stream(row[0]) for row in found)


async def _registered_model(live: ReadModel, wanted: Any) -> Sequence[str]:
    """What a model did under a former name is in the stream of that name.

    And that it gave up a name is in the stream of the name: else a model that came to it from a name that is read would
    seem to hold it for ever, and another's rename to it to have been refused.
    """
    names = {wanted.name, *(former.name for former in await former_names(live, wanted.name))}
    led_to = await live.fetch(live.dialect.statement(_LED_TO), (live.dialect.listed(sorted(names)),))
    names.update(row[0] for row in led_to)
    return [REGISTERED_MODELS.stream(name) for name in sorted(names)]


async def _registered_model_id(read_model: ReadModel, wanted: Any) -> str | None:
    found = await read_model.fetch(read_model.dialect.statement(_MODEL_NAMED), (wanted.name,))
    return found[0][0] if found else None


RUN: Final[About[Any]] = About(_run)
METRIC: Final[About[Any]] = About(_metric)
EXPERIMENT: Final[About[GetExperiment]] = About(_experiment)
LOGGED_MODEL: Final[About[GetLoggedModel]] = About(_logged_model)
REGISTERED_MODEL: Final[About[Any]] = About(_registered_model, _registered_model_id)
"""Also of a version of one."""
