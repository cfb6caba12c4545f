"""What a page makes of events, of its address, and of what users wrote."""

from collections.abc import Sequence

import pytest

from query_api.history_page.entries import FEWEST_IN_GROUP, lines_of, place_parts, shown_time, with_query
from query_api.history_page.pages import HISTORY, page_text
from query_api.history_page.subject import SUBJECTS, Subject, plain_query
from schemas.envelope import Actor, RecordedEvent
from schemas.errors import InvalidParameterValue

DATA = b'{"tags":[{"key":"k","value":"v"}]}'


def event(offset: int, *, user: str = "ann", run: str = "a", event_type: str = "run.data-logged") -> RecordedEvent:
    payload = DATA if event_type == "run.data-logged" else b"{}"
    return RecordedEvent(
        partition=0,
        offset=offset,
        id=offset.to_bytes(16, "big"),
        type=event_type,
        version=1,
        stream=f"run/{run}",
        time_us=offset * 1000,
        actor=Actor(user, "10.0.0.1", "curl"),
        request_id="r",
        payload=payload,
    )


def sizes(events: Sequence[RecordedEvent]) -> list[int]:
    return [len(line.entries) for line in lines_of(events)]


def test_what_one_logs_in_a_row_is_one_line_and_nothing_else_is() -> None:
    row = [event(offset) for offset in range(FEWEST_IN_GROUP)]
    (line,) = lines_of(row)
    assert line.is_group
    assert [entry.place for entry in (line.first, line.last)] == ["0:0", f"0:{FEWEST_IN_GROUP - 1}"]
    assert sizes(row[1:]) == [1] * (FEWEST_IN_GROUP - 1)
    assert sizes([*row, event(9, user="bob"), *row]) == [FEWEST_IN_GROUP, 1, FEWEST_IN_GROUP]
    assert sizes([*row, event(9, run="b"), *row]) == [FEWEST_IN_GROUP, 1, FEWEST_IN_GROUP]
    assert sizes([event(offset, event_type="run.deleted") for offset in range(9)]) == [1] * 9


def test_a_form_becomes_an_address_that_can_be_passed_on() -> None:
    form = [("about", "run_id"), ("named", " abc "), ("actor", ""), ("type", "run.created"), ("type", "run.deleted")]
    assert plain_query(form) == [("type", "run.created"), ("type", "run.deleted"), ("run_id", "abc")]
    assert plain_query([("about", "model"), ("named", "")]) == []
    plain = [("run_id", "abc"), ("order", "oldest")]
    assert plain_query(plain) == plain
    with pytest.raises(InvalidParameterValue, match="limit"):
        plain_query([("about", "limit"), ("named", "9")])
    assert with_query("/history", plain) == "/history?run_id=abc&order=oldest"


@pytest.mark.parametrize("place", ["", "0", "0:", ":1", "-1:2", "0:1:2", "0:x", "0:" + "9" * 19, "٣:1"])
def test_a_place_is_a_partition_and_an_offset(place: str) -> None:
    assert place_parts("3:17") == (3, 17)
    with pytest.raises(InvalidParameterValue, match="0:17"):
        place_parts(place)


def test_times_are_utc() -> None:
    assert shown_time(1_000) == "1970-01-01T00:00:00.001Z"


def test_what_users_wrote_stays_text() -> None:
    evil = '"><script>alert(1)</script>'
    shown = page_text(
        HISTORY,
        root="",
        title=evil,
        path="/history",
        live="",
        compared_as="",
        subject=Subject("run_id", evil),
        subjects=SUBJECTS,
        about="about",
        named="named",
        types=[],
        orders={},
        asked=_Asked(evil),
        lines=list(lines_of([event(1, user=evil, run=evil)])),
        older=None,
    )
    assert "<script>alert" not in shown
    assert shown.count("&lt;script&gt;alert") == 9  # title, heading, six fields, who


class _Asked:
    """A request in which every field holds the same."""

    type = ()
    order = "newest"

    def __init__(self, text: str) -> None:
        self.actor = self.field = self.value = self.since = self.until = text
