"""The bytes of a delivery's body."""

import msgspec

from schemas.webhook_events import ANNOUNCEMENTS
from tracklog.webhooks.payload import payload, timestamp


def test_a_body_has_the_separators_and_the_order_of_mlflow() -> None:
    data = '{"name":"a","version":"1","key":"k","value":"v"}'
    assert payload("model_version_tag.set", 1_700_000_000_123_456, data) == (
        b'{"entity": "model_version_tag", "action": "set", "timestamp": "2023-11-14T22:13:20.123456+00:00",'
        b' "data": {"name": "a", "version": "1", "key": "k", "value": "v"}}'
    )


def test_everything_but_ascii_is_escaped() -> None:
    body = payload("prompt.deleted", 0, '{"name":"grün \U0001f600 \\u0000\\u007f"}')
    assert body.endswith(rb'"data": {"name": "gr\u00fcn \ud83d\ude00 \u0000\u007f"}}')


def test_microseconds_are_written_where_there_are_none() -> None:
    assert timestamp(1_700_000_000_000_000) == "2023-11-14T22:13:20.000000+00:00"


def test_no_microsecond_is_lost_to_a_float() -> None:
    assert timestamp(99_999_999_999_999_999 // 100 * 100 + 1).endswith("999901+00:00")


def test_every_announcement_has_a_body() -> None:
    for announcement in ANNOUNCEMENTS.values():
        data = msgspec.json.encode(announcement.example).decode()
        body = msgspec.json.decode(payload(announcement.name, 0, data))
        assert list(body) == ["entity", "action", "timestamp", "data"]
        assert body["data"] == msgspec.to_builtins(announcement.example)
