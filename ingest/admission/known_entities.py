"""What this process knows of the entities that commands are about: a bounded cache in front of the read model.

A kind of entity is declared by an EntityKind; the cache treats all alike. Entries never change: when a
command changes an entity, the cache drops or replaces its entry.

A change of a lifecycle is acknowledged when the read model holds it; what was known of its entity is dropped then.
A lookup that finds nothing waits for the projection and looks again, so what was acknowledged is known here. Two things
make a later lookup wait for the projection as well, because the read model could still show what was before: the first
lookup of the process (a change acknowledged just before a crash), and a change whose outcome is not known.

Changes that other processes make are seen within MAX_AGE_S plus the lag of the projection when the log is shared.
Commands whose place between such changes matters do not use what is known here: see `current`.
While the read model is away, a process that shares its log goes on with what it knew last, however old: an outage then
costs no metric of a run that is under way. At most one lookup a second tries whether it is back.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from event_log.port import EventLog
from ingest.admission.lookups import Lookup, Lookups, Parameter
from ingest.admission.recently_used import RecentlyUsed
from read_model.progress import ProjectionProgress
from schemas.errors import Retryable, TracklogError

CAPACITY: Final = 20_000
"""Of each kind: some 20 MB of runs when full."""

MAX_AGE_S: Final = 0.9
"""How long an entry is trusted when other processes may change its entity; a lookup takes some more."""

CATCH_UP_WAIT_S: Final = 10.0
"""After this the client is asked to repeat its request."""

RETRY_S: Final = 1.0
"""How long after a lookup that failed old entries are used without another."""


class Known(Protocol):
    """An entry: a frozen value. Of two of one entity, the one with the greater `lifecycle_us` is newer."""

    @property
    def lifecycle_us(self) -> int: ...


K = TypeVar("K", str, int)
T = TypeVar("T", bound=Known)
V = TypeVar("V")


@dataclass(frozen=True, slots=True, eq=False)
class EntityKind(Generic[K, T]):
    """How entities of one kind are looked up by their keys, and refused where there is none.

    `ordering_unit` is that of their events when all of the kind share one, else None.
    """

    lookup: Lookup[T]
    not_found: Callable[[K], TracklogError]
    ordering_unit: str | None = None


@dataclass(slots=True)
class _Seen(Generic[T]):
    entry: T
    at_s: float


class KnownEntities:
    """Finds what commands are about. One for all commands of a process.

    `is_shared`: other processes write to the same log. `clock` returns seconds. Every method that looks up raises
    ProjectionBehind, TemporarilyUnavailable and LogUnavailable.
    """

    def __init__(
        self,
        log: EventLog,
        progress: ProjectionProgress,
        lookups: Lookups,
        *,
        shared: bool = False,
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lookups = lookups
        self.is_shared = shared
        self._clock = clock
        self._log = log
        self._progress = progress
        self._seen: defaultdict[EntityKind[Any, Any], RecentlyUsed[Any, _Seen[Any]]]
        self._seen = defaultdict(partial(RecentlyUsed, capacity))
        self._changes = 0
        """How many changes this process made; a lookup during which one was made may have seen what was before."""
        self._unknown_outcomes = 1
        self._unknown_outcomes_passed = 0
        """As many as the read model has certainly passed. The first stands for what was before the process."""
        self._away_until_s = 0.0

    # --- finding --------------------------------------------------------------------------------------------------

    async def existing(self, kind: EntityKind[K, T], key: K) -> T:
        """An entity in whatever state. Raises the kind's error when there is none."""
        seen: _Seen[T] | None = self._seen[kind].get(key)
        if seen is not None and (not self.is_shared or self._is_good(seen.at_s)):
            return seen.entry
        entry = await self._found(kind, key, seen)
        if entry is None:
            raise kind.not_found(key)
        return entry

    async def find(self, kind: EntityKind[K, T], key: K) -> T | None:
        """As `existing`, but None when there is no such entity."""
        seen: _Seen[T] | None = self._seen[kind].get(key)
        if seen is not None and (not self.is_shared or self._is_good(seen.at_s)):
            return seen.entry
        return await self._found(kind, key, seen)

    async def current(self, kind: EntityKind[K, T], key: K) -> T:
        """As `existing`, with every change of the entity that was acknowledged before the call, by whatever process.

        For commands about lifecycles, which say what they come after.
        """
        if self.is_shared:
            await self.catch_up(kind.ordering_unit)
            entry = await self.lookups.one(kind.lookup, key)
            if entry is not None:
                return entry
        return await self.existing(kind, key)

    async def look_up(self, lookup: Lookup[V], *parameters: Parameter) -> V | None:
        """What the read model holds, or None when nothing that was acknowledged before the call could be found."""
        found = await self.lookups.one(lookup, *parameters)
        if found is None:
            await self.catch_up()
            found = await self.lookups.one(lookup, *parameters)
        return found

    async def look_up_all(self, lookup: Lookup[K], wanted: Collection[K], *parameters: Parameter) -> set[K]:
        """As `look_up`, of several: looks again unless all that are wanted are found."""
        found = set(await self.lookups.all(lookup, *parameters))
        if not found.issuperset(wanted):
            await self.catch_up()
            found = set(await self.lookups.all(lookup, *parameters))
        return found

    async def catch_up(self, ordering_unit: str | None = None) -> None:
        """Return when the read model holds everything acknowledged before the call, or all of one ordering unit.

        Raises ProjectionBehind after CATCH_UP_WAIT_S, and LogUnavailable.
        """
        end = await self._log.end()
        if ordering_unit is not None:
            partition = self._log.partition_of(ordering_unit)
            end = {partition: end[partition]}
        await self._progress.wait_until(end, CATCH_UP_WAIT_S)

    async def ends(self) -> list[int]:
        """The end of the log in each partition, by number. Raises LogUnavailable."""
        end = await self._log.end()
        return [end[partition] for partition in sorted(end)]

    async def _found(self, kind: EntityKind[K, T], key: K, seen: _Seen[T] | None) -> T | None:
        """What the read model holds; while that is away, what was `seen` last."""
        if seen is None:
            return await self._look_up_entity(kind, key)
        was_seen_at_s = seen.at_s
        seen.at_s = self._now_s()  # one caller looks again, the others use the entry meanwhile
        try:
            entry = await self._look_up_entity(kind, key)
        except Retryable:
            seen.at_s = was_seen_at_s
            self._away_until_s = self._now_s() + RETRY_S
            return seen.entry
        except BaseException:
            seen.at_s = was_seen_at_s
            raise
        self._away_until_s = 0.0
        return entry

    async def _look_up_entity(self, kind: EntityKind[K, T], key: K) -> T | None:
        unknown_outcomes = await self._pass_unknown_outcomes()
        changes = self._changes
        entry = await self.look_up(kind.lookup, key)
        entries = self._seen[kind]
        if entry is None:
            entries.drop(key)
            return None
        known = entries.get(key)
        if known is not None and known.entry.lifecycle_us >= entry.lifecycle_us:
            entry = known.entry
        if unknown_outcomes == self._unknown_outcomes and changes == self._changes:
            entries.put(key, _Seen(entry, self._now_s()))
        return entry

    async def _pass_unknown_outcomes(self) -> int:
        """Wait for the projection if the read model may not have passed an unknown outcome; how many there were.

        One that arises during a lookup makes its answer too old to be kept.
        """
        outcomes = self._unknown_outcomes
        if outcomes != self._unknown_outcomes_passed:
            await self.catch_up()
            self._unknown_outcomes_passed = max(self._unknown_outcomes_passed, outcomes)
        return outcomes

    def _is_good(self, seen_at_s: float) -> bool:
        """Whether what was seen then may be used now: it is young, or the read model is not to be asked just now."""
        now_s = self._clock()
        if now_s - seen_at_s <= MAX_AGE_S or now_s < self._away_until_s:
            return True
        if self._away_until_s:
            # The read model was away: one caller tries again, the others do not wait for it.
            self._away_until_s = now_s + RETRY_S
        return False

    def _now_s(self) -> float:
        return self._clock() if self.is_shared else 0.0

    # --- changes that this process made ---------------------------------------------------------------------------

    def created(self, kind: EntityKind[K, T], key: K, entry: T) -> None:
        """There is a new entity, which the read model may not hold yet."""
        self._seen[kind].put(key, _Seen(entry, self._now_s()))

    def amend(self, kind: EntityKind[K, T], key: K, change: Callable[..., T], *arguments: object) -> T | None:
        """Have `change(entry, *arguments)` take the place of the entry, and return it; None when nothing is known."""
        seen: _Seen[T] | None = self._seen[kind].get(key)
        if seen is None:
            return None
        seen.entry = change(seen.entry, *arguments)
        return seen.entry

    def invalidate(self, kind: EntityKind[K, T], key: K) -> None:
        """An entity changed, and the read model holds it: look there from now on."""
        self._seen[kind].drop(key)
        self._changes += 1

    def invalidate_unprojected(self, kind: EntityKind[K, T], key: K) -> None:
        """An entity may have changed, and the read model may not hold it: the next lookup waits for the projection."""
        self.invalidate(kind, key)
        self._unknown_outcomes += 1
