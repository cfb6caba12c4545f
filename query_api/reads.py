"""How a route that reads from the read model is made: of a message, a function, and what can change its answer."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from query_api.freshness import Freshness
from query_api.past.about import About
from query_api.past.past import Past
from query_api.port import ReadModel
from query_api.seen import seen_by
from schemas.messages.message import Message
from schemas.rest.access import Rule
from schemas.rest.handler import CatchUp, Search, query_handler, search_handler
from schemas.rest.route import READ_LIMITS, TRACKLOG_V1, V2, Handler, Kind, Limits, Permission, Route
from schemas.sight import Sight

M = TypeVar("M", bound=Message)

Answer = Callable[[ReadModel, M], Coroutine[Any, Any, bytes]]
"""Answers a message from the read model, in JSON."""
OrderingUnits = Callable[[M], Iterable[str]]
"""The ordering units whose events can change the answer to a message."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Makes the routes of one read model, which wait until it is fresh enough."""

    read_model: ReadModel
    freshness: Freshness
    past: Past | None = None

    def route(
        self,
        method: str,
        path: str,
        message_type: type[M],
        answer: Answer[M],
        permission: Permission | Rule,
        units: OrderingUnits[M] | None = None,
        *,
        prefixes: tuple[str, ...] = V2,
        about: About[M] | None = None,
        seen: bool = False,
    ) -> Route:
        """The route of a message. `units` None: events of every ordering unit can change the answer.

        `about` what it is, where it can be answered from the past. `seen`: beside the rule that the request is judged
        by, the answer is from what may be seen alone; for what may have come, or become another's, since it was judged.
        """
        if seen or permission is Permission.SEEN:
            handler = search_handler(message_type, self._search(answer), self.catch_up(units))
        else:
            handler = query_handler(message_type, partial(answer, self.read_model), self.catch_up(units))
        if about is not None:
            handler = self.from_the_past(message_type, answer, about, handler)
        return mlflow_read(
            method, path, handler, permission, prefixes=prefixes, takes_moment=self.past is not None and bool(about)
        )

    def from_the_past(self, message_type: type[M], answer: Answer[M], about: About[M], of_now: Handler) -> Handler:
        """What also handles requests that name a moment, where there is a past."""
        return of_now if self.past is None else self.past.handler(message_type, answer, about, of_now)

    def _search(self, answer: Answer[M]) -> Search[M]:
        """What answers from as much of the read model as may be seen."""
        read_model = self.read_model

        def search(message: M, sight: Sight | None) -> Coroutine[Any, Any, bytes]:
            return answer(seen_by(read_model, sight), message)

        return search

    def catch_up(self, units: OrderingUnits[M] | None) -> CatchUp[M]:
        """What waits for the read model on behalf of each message."""
        return _Everything(self.freshness) if units is None else _Concerned(self.freshness, units)


def mlflow_read(
    method: str,
    path: str,
    handler: Handler,
    permission: Permission | Rule,
    *,
    prefixes: tuple[str, ...] = V2,
    limits: Limits = READ_LIMITS,
    takes_moment: bool = False,
) -> Route:
    """The route of a handler that reads; `path` is what comes after `/mlflow/`."""
    return _read(method, prefixes, f"/mlflow/{path}", handler, permission, limits, takes_moment=takes_moment)


def tracklog_read(path: str, handler: Handler, permission: Permission | Rule, limits: Limits = READ_LIMITS) -> Route:
    """The route of a handler that reads what MLflow does not have; `path` is what comes after `/api/tracklog/v1/`."""
    return _read("GET", TRACKLOG_V1, f"/{path}", handler, permission, limits)


def _read(
    method: str,
    prefixes: tuple[str, ...],
    path: str,
    handler: Handler,
    permission: Permission | Rule,
    limits: Limits,
    *,
    takes_moment: bool = False,
) -> Route:
    return Route(
        method=method,
        path=path,
        prefixes=prefixes,
        handler=handler,
        kind=Kind.READ,
        permission=permission,
        limits=limits,
        takes_moment=takes_moment,
    )


@dataclass(frozen=True, slots=True)
class _Everything:
    freshness: Freshness

    def __call__(self, _message: Message) -> Awaitable[str | None]:
        return self.freshness.caught_up()


@dataclass(frozen=True, slots=True)
class _Concerned(Generic[M]):
    freshness: Freshness
    units: OrderingUnits[M]

    def __call__(self, message: M) -> Awaitable[str | None]:
        return self.freshness.caught_up(self.units(message))
