"""Which points a chart of a metric's history takes: evenly spread, and never without the extremes.

The points of a run are ordered by step, timestamp and value and cut into `max_results` buckets of equal count (the
first ones longer by one where they do not divide). The first point of each bucket is taken, and in place of the last
bucket's the very last point. Source: MLflow's get-history-bulk-interval, as observed.

Beyond that, the first point with the series' least value and the first with its greatest are always among those taken
when `max_results` is 4 or more: an extreme takes the place of the point its bucket would have given, or, when it lies
in the first or the last bucket or in the same as the other extreme, of a neighbouring bucket's. So the first and the
last point stay, and there are never more than `max_results`.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

MIN_RESULTS_WITH_EXTREMES: Final = 4


def bucket_ranks(total: int, buckets: int) -> list[int]:
    """The rank of the first point of each bucket, and in place of the last of them the rank of the last point."""
    size, longer = divmod(total, buckets)
    return [*(bucket * size + min(bucket, longer) for bucket in range(buckets - 1)), total - 1]


def with_extremes(ranks: Sequence[int], extremes: Sequence[int]) -> list[int]:
    """`ranks` with `extremes` (two at most) in place of some of them, but not of the first nor of the last."""
    chosen = list(ranks)
    taken = {chosen.index(extreme) for extreme in extremes if extreme in chosen}
    for extreme in extremes:
        if extreme not in chosen:
            bucket = bisect_right(ranks, extreme) - 1
            place = min(max(bucket, 1), len(ranks) - 2)
            if place in taken:
                place = place + 1 if place + 1 < len(ranks) - 1 else place - 1
            taken.add(place)
            chosen[place] = extreme
    return sorted(chosen)


def sampled_ranks(total: int, max_results: int, extremes: Sequence[int]) -> Sequence[int]:
    """The ranks of at most `max_results` of `total` points, of which those at `extremes` hold the extreme values."""
    if total <= max_results:
        return range(total)
    ranks = bucket_ranks(total, max_results)
    return with_extremes(ranks, extremes) if max_results >= MIN_RESULTS_WITH_EXTREMES else ranks
