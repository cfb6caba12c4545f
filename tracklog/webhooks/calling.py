"""Making the calls: one POST each, to an address that was checked, with an answer bounded in bytes and in time.

Nothing of the environment has a say: no proxy, no netrc, no cookies. A redirect is an answer like any other.
"""

import logging
import socket
import ssl
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tracklog.webhooks.addresses import (
    AddressPolicy,
    NameResolver,
    NotResolved,
    Resolve,
    Target,
    UrlRefused,
    allowed_addresses,
    may_be_called,
    target_of,
)
from tracklog.webhooks.call import Call, Outcome

logger = logging.getLogger(__name__)

CONNECT_S: Final = 5.0
"""How long a connection may take, with the look-up of the name and TLS."""

READ_BYTES: Final = 64 * 1024
"""What is read of the body of an answer, so that its connection can be used again."""

KEPT_BYTES: Final = 1024
"""What is kept of it, for people."""

KEEP_ALIVE_S: Final = 4.0
"""Less than the five seconds after which usual servers close an idle connection: a call must not meet that."""

RETRY_AFTER_AT_MOST_S: Final = 86_400.0

NOT_ALLOWED: Final = "The URL, or an address of its host, is not allowed."
NOT_RESOLVED: Final = "The host could not be resolved."
REFUSED: Final = "The connection was refused."
NOT_IN_TIME: Final = "There was no connection in time."
NO_CONNECTION: Final = "There was no connection."
NOT_TRUSTED: Final = "The certificate is not trusted."
NO_TLS: Final = "TLS failed."
NO_ANSWER_IN_TIME: Final = "There was no answer in time."
NO_ANSWER: Final = "The connection ended without an answer."
NOT_HTTP: Final = "The answer is not HTTP, or too large."
NOT_MADE: Final = "The call could not be made."


class AddressRefused(OSError):
    """A connection was about to be made to an address that must not be called."""


class Calling:
    """Calls receivers, for as long as the context lasts. Connections are kept for the next call, a few seconds."""

    def __init__(
        self,
        policy: AddressPolicy,
        timeout_s: float,
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        connect_s: float = CONNECT_S,
    ) -> None:
        self._policy = policy
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(connect_s, timeout_s))
        self._resolve = resolve or NameResolver().resolve
        self._tls = tls or ssl.create_default_context()
        self._target_of: Callable[[str], Target] = lru_cache(1024)(lambda url: target_of(url, policy))

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=_CheckedAddresses(self._policy, self._resolve),
            use_dns_cache=False,
            ssl=self._tls,
            # A receiver that hangs must not take another's connections. The sender bounds the calls for each webhook.
            limit=0,
            keepalive_timeout=KEEP_ALIVE_S,
            socket_factory=self._checked_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("Accept", "Accept-Encoding"),
            headers={"User-Agent": "Tracklog"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def make(self, call: Call) -> Outcome:
        """Make one call, and say what came of it, whatever it was."""
        began_ns = time.perf_counter_ns()
        status, body, error, retry_after_s = None, "", "", None
        try:
            self._target_of(call.url)
            async with self._session.post(
                call.url, headers=call.headers, data=call.body, allow_redirects=False
            ) as answer:
                status, retry_after_s = answer.status, retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
                body = await _beginning(answer)
        except Exception as failure:
            error = in_words(failure)
        duration_us = (time.perf_counter_ns() - began_ns) // 1000
        return Outcome(call.number, duration_us, status, body, error, retry_after_s)

    def _checked_socket(self, address: tuple[Any, ...]) -> socket.socket:
        """The last moment before a connection: whatever found the address, it is looked at once more."""
        family, kind, protocol, _, place = address
        if not may_be_called(ip_address(place[0]), self._policy) or (len(place) > 2 and place[3]):
            raise AddressRefused("The address is not allowed.")
        return socket.socket(family, kind, protocol)


class _CheckedAddresses(AbstractResolver):
    """Resolves a name for one connection, which is then made to what was checked, and to nothing else."""

    def __init__(self, policy: AddressPolicy, resolve: Resolve) -> None:
        self._policy = policy
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await allowed_addresses(host, self._policy, self._resolve)
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """The first bytes of the body as text. The status is there, and decides: how the body ends changes nothing."""
    kept, left = bytearray(), READ_BYTES
    try:
        while left > 0 and (piece := await answer.content.read(left)):
            left -= len(piece)
            kept += piece[: KEPT_BYTES - len(kept)]
    except (aiohttp.ClientError, TimeoutError):
        answer.close()
    if left <= 0:
        answer.close()
    # PostgreSQL keeps no null.
    return kept.decode("utf-8", "replace").replace("\0", "\ufffd")


def retry_after(value: str | None, now: datetime) -> float | None:
    """What a header Retry-After asks for in seconds, a day at the most; None for none that makes sense.

    Source: RFC 9110, 10.2.3.
    """
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return min(float(value), RETRY_AFTER_AT_MOST_S)
    try:
        asked = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    seconds = (asked.replace(tzinfo=asked.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_AT_MOST_S)


def in_words(failure: Exception) -> str:
    """One of a few sentences for why there is no answer. What the library says may show what a network is like."""
    match failure:
        case NotResolved() | aiohttp.ClientConnectorDNSError():
            return NOT_RESOLVED
        case UrlRefused() | aiohttp.InvalidURL():
            return NOT_ALLOWED
        case aiohttp.ClientConnectorCertificateError():
            return NOT_TRUSTED
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return NO_TLS
        case aiohttp.ConnectionTimeoutError() | aiohttp.SocketTimeoutError():
            return NOT_IN_TIME
        case TimeoutError():
            return NO_ANSWER_IN_TIME
        case aiohttp.ClientConnectorError():
            return _no_connection(failure.os_error)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            return NO_ANSWER
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return NOT_HTTP
        case _:
            # One call that cannot be made must not end the others.
            # Its message is left out, as it may show the URL.
            trace = "".join(traceback.format_tb(failure.__traceback__))
            logger.error("a call failed: %s\n%s", type(failure).__name__, trace)
            return NOT_MADE


def _no_connection(error: OSError) -> str:
    match error:
        case AddressRefused():
            return NOT_ALLOWED
        case ConnectionRefusedError():
            return REFUSED
        case _:
            return NO_CONNECTION
