"""What of the history somebody sees who may not read all of it: the events of streams whose history they may read."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from aiohttp import web

from query_api.experiments.seen import seen_experiments
from query_api.filter.sql import Sql
from query_api.history.wanted import AnyOf, Source, Wanted
from query_api.port import ReadModel
from query_api.registered_models.seen import seen_models
from query_api.seen import SeenReadModel
from read_model.history.terms import experiment_term, stream_term
from schemas.errors import PermissionDenied
from schemas.events import REGISTERED_MODELS
from schemas.levels import EXPERIMENT, PROMPT, REGISTERED_MODEL, Level
from schemas.messages.history import HistoryFilter
from schemas.rest.access import ASKING, LOGGED_MODEL, MODEL_VERSION, PROMPT_VERSION, RUN, Asking
from schemas.rest.rules import READ_ALL_HISTORY, READ_HISTORY, names_subject
from schemas.sight import Scope, Sight

MAX_NARROWED_TO: Final = 500
"""Experiments and models that are looked for in the index. Who may read the history of more is shown what a look at
every event leaves, and that is much of it."""

SEEN_S: Final = 1.0
UNSEEN_S: Final = 10.0
"""How long it is believed that a stream may be read, or not. Who loses the right must not hear more."""

_REMEMBERED: Final = 50_000


class SeenHistory:
    """Asks of each stream what a request for its history would be asked. `now_s` is a clock that grows."""

    def __init__(self, asking: Asking, now_s: Callable[[], float] = time.monotonic) -> None:
        self._asking = asking
        self._now_s = now_s
        self._known: dict[str, tuple[float, bool]] = {}

    async def has(self, stream: str) -> bool:
        """Whether the events of a stream may be read. Raises TemporarilyUnavailable."""
        now_s = self._now_s()
        until_s, is_seen = self._known.get(stream, (now_s, False))
        if now_s < until_s:
            return is_seen
        try:
            await self._asking.allow_by(READ_HISTORY, HistoryFilter(stream=stream))
            is_seen = True
        except PermissionDenied:
            is_seen = False
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[stream] = (now_s + (SEEN_S if is_seen else UNSEEN_S), is_seen)
        return is_seen

    async def narrowed(self, wanted: Wanted, read_model: ReadModel) -> Wanted:
        """What is wanted, of the experiments and models alone that somebody manages, where these are not many.

        It spares looking at the events of all others, and decides nothing: `has` does.
        """
        sources = await _managed(read_model, await self._asking.sight(Level.MANAGE))
        return wanted if sources is None else replace(wanted, conditions=[*wanted.conditions, sources])


async def seen_history(request: web.Request, asked: HistoryFilter) -> SeenHistory | None:
    """What is seen of a list that names no one thing; None where all that was asked for may be read."""
    asking = request.get(ASKING)
    if asking is None or names_subject(asked):
        return None
    try:
        await asking.allow_by(READ_ALL_HISTORY, asked)
    except PermissionDenied:
        return SeenHistory(asking)
    return None


async def _managed(read_model: ReadModel, sight: Sight) -> AnyOf | None:
    """The events of what is managed, None where that may be too much to name."""
    of_few = all(sight.scope(one) in (Scope.GRANTED, Scope.NOTHING) for one in (EXPERIMENT, REGISTERED_MODEL, PROMPT))
    of_its_own = any(sight.scopes.get(tier) is Scope.ALL for tier in (RUN, LOGGED_MODEL, MODEL_VERSION, PROMPT_VERSION))
    if not of_few or of_its_own:
        return None
    dialect = read_model.dialect
    experiments, models = seen_experiments(dialect, sight), seen_models(SeenReadModel(read_model, sight))
    sources: list[Source] = []
    for select, seen, term in (
        ("SELECT e.experiment_id FROM experiments e", experiments, experiment_term),
        ("SELECT m.name FROM registered_models m", models, lambda name: stream_term(REGISTERED_MODELS.stream(name))),
    ):
        statement = dialect.assembled(Sql(f"{select} WHERE {seen.text} LIMIT {MAX_NARROWED_TO + 1}", seen.parameters))
        sources += [Source(term(row[0])) for row in await read_model.fetch(*statement)]
    return sources if len(sources) <= MAX_NARROWED_TO else None
