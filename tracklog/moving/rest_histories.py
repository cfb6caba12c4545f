"""The histories of metrics by REST: of a hundred runs at once where the server can, by pages where they are long."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from schemas.events import MetricSeries
from tracklog.moving.cells import Cells
from tracklog.moving.database_points import point
from tracklog.moving.records import POINTS_PER_RECORD, OddityRecord, PointsRecord, Record, SizeRecord
from tracklog.moving.rest_client import ABSENT, Refused, RestClient

_HISTORY: Final = "api/2.0/mlflow/metrics/get-history"
_BULK: Final = "ajax-api/2.0/mlflow/metrics/get-history-bulk"

MOST_BULK_POINTS: Final = 25_000
"""Of all runs of an answer. One with as many may lack some, and does not say so."""

MOST_HELD_POINTS: Final = 250_000
"""Of the runs of a page, some 50 MB; histories beyond are asked for run by run, when their turn comes."""

POINTS_PER_PAGE: Final = 25_000

Point = tuple[float | str, int, int]
"""Value, time in ms, step."""


class RestHistories:
    """Asks for the points of runs, and counts what the server has of each kind."""

    def __init__(self, client: RestClient, cells: Cells) -> None:
        self._client = client
        self._cells = cells
        self._has_bulk = True
        self._held: dict[tuple[str, str], list[Point]] = {}
        self._counted: Counter[str] = Counter()
        self._datasets: set[tuple[str, str, str]] = set()

    def count(self, kind: str, number: int) -> None:
        """The server has so many more of a kind."""
        self._counted[kind] += number

    def count_dataset(self, dataset: tuple[str, str, str]) -> None:
        """The server has a dataset: experiment, name and digest."""
        if dataset not in self._datasets:
            self._datasets.add(dataset)
            self.count("datasets", 1)

    def sizes(self) -> Iterator[SizeRecord]:
        """What was counted since the last call."""
        counted, self._counted = self._counted, Counter()
        for kind, number in counted.items():
            yield SizeRecord(kind, number)

    def look_ahead(self, keys_of: Mapping[str, Sequence[str]]) -> None:
        """Fetch the histories of some runs together, by run the keys of its metrics, as far as they may be held."""
        self._held = {}
        runs_of: dict[str, list[str]] = defaultdict(list)
        for run_id, keys in keys_of.items():
            for key in keys:
                runs_of[key].append(run_id)
        held = 0
        for key, runs in runs_of.items():
            if not self._has_bulk or held > MOST_HELD_POINTS:
                return
            if len(runs) > 1:
                held += self._fetch_bulk(key, runs)

    def _fetch_bulk(self, key: str, runs: Sequence[str]) -> int:
        wanted = {"run_id": runs, "metric_key": key, "max_results": MOST_BULK_POINTS}
        try:
            found = self._client.get(_BULK, wanted).get("metrics", ())
        except Refused as error:
            self._has_bulk = error.status not in (*ABSENT, 401, 403)
            return 0
        if len(found) >= MOST_BULK_POINTS:
            return 0
        by_run: dict[str, list[Mapping[str, Any]]] = {run_id: [] for run_id in runs}
        for one in found:
            by_run.setdefault(str(one.get("run_id")), []).append(one)
        for run_id, rows in by_run.items():
            self._held[run_id, key] = self._read(run_id, key, rows)
        return len(found)

    def _read(self, run_id: str, key: str, rows: Iterable[Mapping[str, Any]]) -> list[Point]:
        """Points as events have them; proto3's JSON leaves out what is 0."""
        read: list[Point] = []
        for row in rows:
            self.count("metric points", 1)
            where = f"run {run_id}, key {key!r:.100}"
            found = point(
                self._cells,
                "metric points",
                where,
                row.get("value", 0.0),
                row.get("timestamp", 0),
                row.get("step", 0),
                False,
            )
            if found is not None:
                read.append(found)
        return read

    def _history(self, run_id: str, key: str) -> Iterator[list[Point]]:
        held = self._held.pop((run_id, key), None)
        if held is not None:
            yield held
            return
        wanted = {"run_id": run_id, "run_uuid": run_id, "metric_key": key, "max_results": POINTS_PER_PAGE}
        for page in self._client.pages(self._client.get, _HISTORY, wanted):
            yield self._read(run_id, key, page.get("metrics", ()))

    def records(self, run_id: str, keys: Sequence[str]) -> Iterator[Record]:
        """All points of a run, in records that are full but for the last."""
        gathered: list[MetricSeries] = []
        room = POINTS_PER_RECORD
        for key in keys:
            name = self._cells.text(key, "metric points", f"run {run_id}")
            try:
                for some in self._history(run_id, key):
                    for start in range(0, len(some), POINTS_PER_RECORD):
                        left = some[start : start + POINTS_PER_RECORD]
                        while left:
                            taken, left = left[:room], left[room:]
                            values, times_ms, steps = (list(column) for column in zip(*taken, strict=True))
                            gathered.append(MetricSeries(name, values, times_ms, steps))
                            room -= len(taken)
                            if not room:
                                yield from self.sizes()
                                yield PointsRecord(run_id, gathered)
                                gathered, room = [], POINTS_PER_RECORD
            except Refused as error:
                yield OddityRecord("metric points", f"run {run_id}, key {name!r:.100}", f"cannot be read: {error}")
        yield from self.sizes()
        yield from self._cells.take()
        if gathered:
            yield PointsRecord(run_id, gathered)
