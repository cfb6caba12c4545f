"""Calls to receivers that answer, misbehave, or are where they must not be."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import pytest

from tests.services.certificate import Authority, self_signed
from tests.unit.tracklog.webhooks.receiver import Answer, Receiver, receiving, says, says_ok
from tracklog.webhooks import calling
from tracklog.webhooks.addresses import AddressPolicy, IpAddress, Resolve, UrlCheck
from tracklog.webhooks.call import Call, Outcome
from tracklog.webhooks.calling import Calling, in_words, retry_after

PUBLIC = AddressPolicy(schemes=frozenset({"https", "http"}))
PRIVATE = AddressPolicy(schemes=frozenset({"https", "http"}), private=True)
HEADERS = [("Content-Type", "application/json"), ("X-MLflow-Delivery-Id", "d-1")]


def a_call(url: str, number: int = 1, body: bytes = b'{"a": 1}') -> Call:
    return Call(number, url, HEADERS, body)


def stands_for(*addresses: str) -> Resolve:
    """A resolver that gives the addresses for every name."""

    async def resolve(_host: str) -> Sequence[str]:
        return addresses

    return resolve


async def outcome_of(
    url: str,
    policy: AddressPolicy = PRIVATE,
    *,
    timeout_s: float = 30,
    connect_s: float = 5,
    resolve: Resolve | None = None,
    tls: ssl.SSLContext | None = None,
) -> Outcome:
    async with Calling(policy, timeout_s, connect_s=connect_s, resolve=resolve, tls=tls) as making:
        return await making.make(a_call(url))


# --- what is sent and heard --------------------------------------------------------------------------------------


async def test_a_call_is_one_post_with_the_headers_and_the_body_as_they_were_handed_over() -> None:
    async with receiving(says_ok()) as receiver:
        outcome = await outcome_of(receiver.url + "?x=%31")
    assert (outcome.number, outcome.status, outcome.body, outcome.error) == (1, 200, "ok", "")
    assert outcome.duration_us > 0
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0].startswith("POST /hook?x=")
    assert set(lines[1:]) == {
        f"Host: 127.0.0.1:{receiver.port}",
        "Content-Type: application/json",
        "X-MLflow-Delivery-Id: d-1",
        "User-Agent: Tracklog",
        "Content-Length: 8",
    }
    assert body == b'{"a": 1}'


async def test_a_connection_is_kept_for_the_next_call() -> None:
    async with receiving(says_ok()) as receiver, Calling(PRIVATE, 30) as making:
        for number in range(3):
            assert (await making.make(a_call(receiver.url, number))).number == number
    assert receiver.connections == 1


async def test_calls_to_one_host_go_on_side_by_side() -> None:
    everyone = asyncio.Barrier(70)

    async def together(writer: asyncio.StreamWriter) -> None:
        await everyone.wait()
        await says_ok()(writer)

    async with receiving(together) as receiver, Calling(PRIVATE, 30) as making:
        outcomes = await asyncio.gather(*(making.make(a_call(receiver.url, number)) for number in range(70)))
    assert {outcome.status for outcome in outcomes} == {200}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_nobody_follows_it(status: int) -> None:
    async with receiving(says_ok()) as elsewhere:
        there = f"Location: {elsewhere.url}".encode()
        redirect = says(f"HTTP/1.1 {status} There\r\n".encode(), there, b"\r\nContent-Length: 0\r\n\r\n")
        async with receiving(redirect) as receiver:
            outcome = await outcome_of(receiver.url)
    assert (outcome.status, outcome.error, len(receiver.requests)) == (status, "", 1)
    assert elsewhere.connections == 0


@pytest.mark.parametrize("status", [204, 400, 410, 429, 500, 503])
async def test_every_status_is_told(status: int) -> None:
    async with receiving(says(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())) as receiver:
        assert (await outcome_of(receiver.url)).status == status


async def test_the_proxies_and_passwords_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password kept-secret\n")
    async with receiving(says_ok()) as proxy, receiving(says_ok()) as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        assert (await outcome_of(receiver.url)).status == 200
    assert proxy.connections == 0
    assert b"Authorization" not in receiver.requests[0]


async def test_cookies_are_not_kept() -> None:
    setting = says(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
    async with receiving(setting) as receiver, Calling(PRIVATE, 30) as making:
        for number in range(2):
            await making.make(a_call(receiver.url, number))
    assert b"Cookie" not in receiver.requests[1]


# --- which addresses ---------------------------------------------------------------------------------------------


async def test_an_address_is_checked_before_each_call() -> None:
    async with receiving(says_ok()) as receiver:
        outcome = await outcome_of(receiver.url, PUBLIC)
    assert (outcome.status, outcome.error, receiver.connections) == (None, calling.NOT_ALLOWED, 0)


async def test_a_url_that_is_no_longer_allowed_is_not_called() -> None:
    async with receiving(says_ok()) as receiver:
        outcome = await outcome_of(receiver.url, AddressPolicy(private=True))
    assert (outcome.error, receiver.connections) == (calling.NOT_ALLOWED, 0)


async def test_a_name_that_stands_for_another_address_the_second_time_is_not_called() -> None:
    answers = [["93.184.216.34"], ["127.0.0.1"]]

    async def rebinding(_host: str) -> Sequence[str]:
        return answers.pop(0)

    async with receiving(says_ok()) as receiver:
        url = f"http://rebinding.example:{receiver.port}/"
        await UrlCheck(PUBLIC, rebinding).check(url)
        outcome = await outcome_of(url, PUBLIC, resolve=rebinding)
    assert (outcome.error, receiver.connections, answers) == (calling.NOT_ALLOWED, 0, [])


async def test_a_name_is_resolved_once_for_a_connection_which_is_made_to_what_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the system's resolver was asked")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    async with receiving(says_ok()) as receiver, Calling(PRIVATE, 30, resolve=resolve) as making:
        for number in range(3):
            outcome = await making.make(a_call(f"http://receiver.example:{receiver.port}/", number))
            assert outcome.status == 200
    assert asked == ["receiver.example"]
    assert f"Host: receiver.example:{receiver.port}".encode() in receiver.requests[0]


async def test_a_host_of_which_one_address_is_private_is_not_called_at_all() -> None:
    async with receiving(says_ok()) as receiver:
        url = f"http://receiver.example:{receiver.port}/"
        outcome = await outcome_of(url, PUBLIC, resolve=stands_for("93.184.216.34", "127.0.0.1"))
    assert (outcome.error, receiver.connections) == (calling.NOT_ALLOWED, 0)


async def test_a_host_of_several_addresses_is_called_at_the_first_that_answers() -> None:
    async with receiving(says_ok()) as receiver:
        url = f"http://receiver.example:{receiver.port}/"
        assert (await outcome_of(url, resolve=stands_for("127.0.0.2", "127.0.0.1"))).status == 200


async def test_the_socket_itself_is_refused_when_all_before_it_were_deceived(monkeypatch: pytest.MonkeyPatch) -> None:
    async def deceived(*_: object) -> list[IpAddress]:
        return [ip_address("127.0.0.1")]

    monkeypatch.setattr(calling, "allowed_addresses", deceived)
    async with receiving(says_ok()) as receiver:
        outcome = await outcome_of(f"http://receiver.example:{receiver.port}/", PUBLIC)
    assert outcome.error in (calling.NOT_ALLOWED, calling.NO_CONNECTION)
    assert receiver.connections == 0


# --- receivers that are away or misbehave ------------------------------------------------------------------------


async def test_a_name_without_address_is_told_apart() -> None:
    assert (await outcome_of("http://receiver.example/", resolve=stands_for())).error == calling.NOT_RESOLVED


async def test_nobody_listening_is_told_apart() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        outcome = await outcome_of(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert (outcome.status, outcome.error) == (None, calling.REFUSED)


async def test_a_connection_that_takes_too_long_is_given_up() -> None:
    async def hangs(_host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    outcome = await outcome_of("http://receiver.example/", connect_s=0.05, resolve=hangs)
    assert outcome.error == calling.NOT_IN_TIME


async def _hang(_writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _trickle_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-A: b\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _continue_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.001)


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    async with receiving(_hang) as receiver:
        outcome = await outcome_of(receiver.url, timeout_s=0.1)
    assert (outcome.status, outcome.error) == (None, calling.NO_ANSWER_IN_TIME)


@pytest.mark.parametrize("answer", [_trickle_headers, _continue_for_ever], ids=["headers", "continue"])
async def test_an_answer_that_begins_again_and_again_is_given_up(answer: Answer) -> None:
    async with receiving(answer) as receiver:
        outcome = await outcome_of(receiver.url, timeout_s=0.2)
    assert (outcome.status, outcome.error in (calling.NO_ANSWER_IN_TIME, calling.NOT_HTTP)) == (None, True)


async def test_a_body_without_end_is_cut_and_its_connection_closed() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    async with receiving(endless) as receiver, Calling(PRIVATE, 30) as making:
        for number in range(2):
            outcome = await making.make(a_call(receiver.url, number))
            assert (outcome.status, outcome.body) == (200, "x" * 1024)
    assert receiver.connections == 2


async def test_a_body_that_trickles_is_read_no_longer_than_a_call_may_take() -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 202 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with receiving(trickle) as receiver:
        outcome = await outcome_of(receiver.url, timeout_s=0.2)
    assert (outcome.status, outcome.error) == (202, "")
    assert set(outcome.body) == {"x"}


async def test_a_body_that_breaks_off_leaves_the_status() -> None:
    async def breaks(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 100\r\n\r\nsorry")
        writer.close()

    async with receiving(breaks) as receiver:
        outcome = await outcome_of(receiver.url)
    assert (outcome.status, outcome.body, outcome.error) == (500, "sorry", "")


async def test_a_body_is_text_that_every_database_keeps() -> None:
    async with receiving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\0\xc3\xa9")) as receiver:
        assert (await outcome_of(receiver.url)).body == "\ufffd\ufffd\u00e9"


async def test_a_compressed_body_is_not_unpacked() -> None:
    packed = says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone")
    async with receiving(packed) as receiver:
        assert (await outcome_of(receiver.url)).body == "none"


async def test_an_answer_that_is_not_http_is_told_apart() -> None:
    async with receiving(says(b"220 mail.example ESMTP\r\n")) as receiver:
        assert (await outcome_of(receiver.url)).error == calling.NOT_HTTP


async def test_headers_without_measure_are_not_read() -> None:
    header = b"X-A: " + b"a" * 100_000
    async with receiving(says(b"HTTP/1.1 200 OK\r\n", header, b"\r\n\r\n")) as receiver:
        assert (await outcome_of(receiver.url)).error == calling.NOT_HTTP


async def test_a_receiver_that_hangs_up_is_told_apart() -> None:
    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with receiving(hang_up) as receiver:
        assert (await outcome_of(receiver.url)).error == calling.NO_ANSWER


async def test_a_receiver_that_hangs_keeps_no_other_from_being_called() -> None:
    async with receiving(_hang) as hanging, receiving(says_ok()) as receiver, Calling(PRIVATE, 30) as making:
        stuck = [asyncio.create_task(making.make(a_call(hanging.url, number))) for number in range(200)]
        assert (await making.make(a_call(receiver.url, 200))).status == 200
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


# --- TLS ---------------------------------------------------------------------------------------------------------


def _serving_tls(folder: Path, key: bytes, certificate: bytes) -> ssl.SSLContext:
    both = folder / "server.pem"
    both.write_bytes(key + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


def _https(receiver: Receiver) -> str:
    return receiver.url.replace("http:", "https:")


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    async with receiving(says_ok(), _serving_tls(tmp_path, *self_signed("127.0.0.1"))) as receiver:
        outcome = await outcome_of(_https(receiver))
    assert (outcome.status, outcome.error, receiver.requests) == (None, calling.NOT_TRUSTED, [])


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    authority = Authority()
    trusting = ssl.create_default_context(cadata=authority.certificate.decode())
    async with receiving(says_ok(), _serving_tls(tmp_path, *authority.issue("x", "127.0.0.1"))) as receiver:
        assert (await outcome_of(_https(receiver), tls=trusting)).status == 200
        url = f"https://receiver.example:{receiver.port}/"
        outcome = await outcome_of(url, tls=trusting, resolve=stands_for("127.0.0.1"))
    assert outcome.error == calling.NOT_TRUSTED


async def test_a_receiver_that_does_not_speak_tls_is_told_apart() -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server:
        outcome = await outcome_of(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert outcome.error == calling.NO_TLS


# --- words -------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        ("0", 0.0),
        ("9" * 400, 86_400.0),
        ("-1", None),
        ("1.5", None),
        ("\u0661", None),
        ("soon", None),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 86_400.0),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


async def test_retry_after_comes_back_with_the_status() -> None:
    async with receiving(says(b"HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")) as receiver:
        outcome = await outcome_of(receiver.url)
    assert (outcome.status, outcome.retry_after_s) == (503, 7.0)


async def test_a_call_that_cannot_be_made_shows_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    async with receiving(says_ok()) as receiver, Calling(PRIVATE, 30) as making:
        outcome = await making.make(Call(1, receiver.url, [("X-A", "kept-secret\r\nX-B: c")], b""))
    assert (outcome.status, outcome.error) == (None, calling.NOT_MADE)
    assert "kept-secret" not in caplog.text
    assert "a call failed: ValueError" in caplog.text


def test_failures_that_seldom_happen_have_words() -> None:
    assert in_words(ssl.SSLError()) == calling.NO_TLS
    assert in_words(aiohttp.ClientPayloadError()) == calling.NOT_HTTP
    assert in_words(ConnectionResetError()) == calling.NO_ANSWER
    assert in_words(TimeoutError()) == calling.NO_ANSWER_IN_TIME
