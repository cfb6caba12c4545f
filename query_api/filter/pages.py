"""Pages: how many results one holds, and the opaque token that leads to the next."""

import base64
import binascii
import hashlib
import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from query_api.port import FirstRows
from schemas.errors import InvalidParameterValue
from schemas.mlflow import LARGEST_INT64, LEAST_INT64

MAX_RESULTS: Final = 50_000
"""Of one page, where MLflow has a limit."""


SortValue = int | float | str


class _Token(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """The search a token belongs to, and the sort values of the last result before the next page."""

    fingerprint: str
    values: list[int | float | str]


class PageFound(NamedTuple):
    """The results of one page as JSON with commas between, and the last one's sort values if there are more."""

    documents: bytes
    last: Sequence[SortValue] | None


_decoder = msgspec.json.Decoder(_Token)


def checked_max_results(max_results: int | None, *, least: int = 1, most: int = MAX_RESULTS) -> int:
    """The size of a page, which the request must state. Raises InvalidParameterValue."""
    if max_results is None:
        raise InvalidParameterValue("Missing value for required parameter 'max_results'.")
    if not least <= max_results <= most:
        raise InvalidParameterValue(
            f"Invalid value {max_results} for parameter 'max_results': it must be from {least} to {most}."
        )
    return max_results


def fingerprint(*search: Any) -> str:
    """Tells one search from another, by everything but the size of its pages."""
    return hashlib.blake2b(msgspec.json.encode(search), digest_size=9).hexdigest()


def page_token(search: str, values: Sequence[SortValue]) -> str:
    """The token of the page after the result with these sort values; `search` is a fingerprint."""
    return base64.b64encode(msgspec.json.encode(_Token(search, list(values)))).decode("ascii")


def sort_values(token: str, search: str, kinds: Sequence[type[SortValue]]) -> tuple[SortValue, ...] | None:
    """The sort values in a token, one of each of `kinds`; None for an empty token, which is the first page.

    Raises InvalidParameterValue when the token is none of ours, or belongs to another search.
    """
    if not token:
        return None
    try:
        decoded = _decoder.decode(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidParameterValue("Invalid page token: it was not made by this server.") from error
    if decoded.fingerprint != search:
        raise InvalidParameterValue("Invalid page token: it belongs to another search; repeat the search it came from.")
    values = decoded.values
    if len(values) != len(kinds) or not all(map(_is_of_kind, values, kinds)):
        raise InvalidParameterValue("Invalid page token: its values are not those of this search.")
    return tuple(values)


def page_of(found: FirstRows, max_results: int) -> PageFound:
    """The page that rows are, each the JSON of a result, then its sort values.

    There are more results when there is one more row than the page holds, or when rows were left out.
    """
    page = found.rows[:max_results]
    has_more = not found.are_all or len(found.rows) > max_results
    return PageFound(b",".join([row[0] for row in page]), page[-1][1:] if has_more else None)


def joined_documents(found: FirstRows, field: str) -> bytes:
    """The JSON of rows with commas between, where there are no pages.

    Raises InvalidParameterValue when they are more than an answer may hold.
    """
    if not found.are_all:
        raise InvalidParameterValue(f"There are more {field} than one answer may hold; ask for fewer of them.")
    return b",".join([row[0] for row in found.rows])


def page_body(field: str, page: PageFound, search: str) -> bytes:
    """The body of a response: the results under `field`, absent without any, and a token when there are more."""
    if not page.documents:
        return b"{}"
    if page.last is None:
        return b'{"%b":[%b]}' % (field.encode(), page.documents)
    return b'{"%b":[%b],"next_page_token":"%b"}' % (
        field.encode(),
        page.documents,
        page_token(search, page.last).encode(),
    )


def always_token_body(field: str, page: PageFound, search: str) -> bytes:
    """As `page_body`, for routes that say on the last page too that there is no next one: by an empty token."""
    token = b"" if page.last is None else page_token(search, page.last).encode()
    results = b'"%b":[%b],' % (field.encode(), page.documents) if page.documents else b""
    return b'{%b"next_page_token":"%b"}' % (results, token)


def _is_of_kind(value: SortValue, kind: type[SortValue]) -> bool:
    match value:
        case bool():
            return False
        case int():
            return kind is int and LEAST_INT64 <= value <= LARGEST_INT64
        case float():
            return kind is float and math.isfinite(value)
        case str():
            return kind is str and "\0" not in value
