"""Payloads are stored compressed where that saves something, and read by any number of threads."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard

from event_log.stored_payload import decompressed, encoded, is_compressed, stored
from schemas import codec
from tests.contracts.event_log_contract import param


@pytest.mark.parametrize(("size", "compressed"), [(2, False), (511, False), (512, True), (1_000_000, True)])
def test_long_payloads_are_compressed_and_every_one_comes_back(size: int, compressed: bool) -> None:
    payload = b"{" + b" " * (size - 2) + b"}"
    kept = stored(payload)
    assert is_compressed(kept) is compressed
    assert len(kept) <= size
    assert decompressed(kept) == payload


def test_events_are_encoded_in_order_and_measured() -> None:
    events = [param(1, "a"), param(2, "b" * 100)]
    found, size = encoded(events)
    assert [event for event, _ in found] == events
    assert [payload for _, payload in found] == [codec.encode(event.payload) for event in events]
    assert size == sum(len(payload) for _, payload in found)


def test_a_damaged_frame_is_an_error() -> None:
    with pytest.raises(zstandard.ZstdError):
        decompressed(stored(b"x" * 1000)[:-5] + b"12345")


def test_threads_do_not_disturb_one_another() -> None:
    payloads = [bytes([letter]) * 300_000 for letter in range(65, 73)]

    def there_and_back(payload: bytes) -> bool:
        return all(decompressed(stored(payload)) == payload for _ in range(50))

    with ThreadPoolExecutor(len(payloads)) as threads:
        assert all(threads.map(there_and_back, payloads))
