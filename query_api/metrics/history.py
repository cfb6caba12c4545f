"""The history of one metric of a run as the JSON of its route, piece by piece, however long it is."""

import base64
import binascii
import math
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from query_api.metrics.history_order import Ordered, PointKey, in_order
from query_api.metrics.point_json import points_json, points_of_run_json
from query_api.metrics.stored_series import find_series
from query_api.port import ReadModel
from schemas.errors import InvalidParameterValue
from schemas.messages.bounds import shown

_PIECE_BYTES: Final = 131_072
"""About 1,500 points: half a millisecond between two chances for other requests."""

_token_decoder: Final = msgspec.json.Decoder(PointKey)


async def history_json(
    read_model: ReadModel, run_id: str, key: str, *, max_results: int | None = None, page_token: str = ""
) -> AsyncIterator[bytes]:
    """`{"metrics":[…],"next_page_token":…}` by timestamp, step and value, each point once; `{}` for none.

    `page_token` is one of an earlier page; another page follows when `max_results` points were not all.
    Raises InvalidParameterValue before the first piece.
    """
    after = _point_of(page_token) if page_token else None
    if max_results is not None and max_results < 1:
        raise InvalidParameterValue(f"max_results must be positive, got {max_results}.")
    series = await find_series(read_model, run_id, key)
    piece = bytearray()
    has_points = False
    next_page_token: str | None = None
    left = math.inf if max_results is None else max_results
    last: PointKey | None = None
    if series is not None:
        async for points in in_order(read_model, series, after):
            if left == 0 and last is not None:
                next_page_token = _token_of(last)
                break
            page = _first(points, left)
            piece += b"," if has_points else b'{"metrics":['
            piece += points_json(key, page)
            has_points = True
            left -= len(page.steps)
            last = _last(page)
            if len(page.steps) < len(points.steps):
                next_page_token = _token_of(last)
                break
            if len(piece) >= _PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
    if not has_points:
        yield b"{}"
        return
    piece += b"]" if next_page_token is None else b'],"next_page_token":"' + next_page_token.encode() + b'"'
    yield bytes(piece + b"}")


async def bulk_history_json(
    read_model: ReadModel, run_ids: list[str], key: str, max_results: int
) -> AsyncIterator[bytes]:
    """`{"metrics":[…]}`: at most `max_results` points of all the runs together, by run id, then as `history_json`."""
    piece = bytearray(b'{"metrics":[')
    left = max_results
    separator = b""
    for run_id in sorted(set(run_ids)):
        series = await find_series(read_model, run_id, key) if left else None
        if series is None:
            continue
        async for points in in_order(read_model, series):
            page = _first(points, left)
            piece += separator + points_of_run_json(key, run_id, page)
            separator = b","
            left -= len(page.steps)
            if not left:
                break
            if len(piece) >= _PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
    yield bytes(piece + b"]}")


def _first(points: Ordered, count: float) -> Ordered:
    if len(points.steps) <= count:
        return points
    end = int(count)
    return Ordered(points.timestamps_ms[:end], points.steps[:end], points.values[:end])


def _last(points: Ordered) -> PointKey:
    value = points.values[-1]
    is_nan = math.isnan(value)
    return points.timestamps_ms[-1], points.steps[-1], 0.0 if is_nan else value, is_nan


def _token_of(last: PointKey) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(last)).decode()


def _point_of(page_token: str) -> PointKey:
    """The point a page ended with.

    Raises InvalidParameterValue for text that no page was given.
    """
    try:
        point: PointKey = _token_decoder.decode(base64.b64decode(page_token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidParameterValue(f"Invalid page token: {shown(page_token)}") from error
    return point
