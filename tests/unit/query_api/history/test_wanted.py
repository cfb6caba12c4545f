"""Which events are wanted of those that the index found."""

import pytest

from query_api.history.wanted import FieldWanted
from read_model.history.terms import terms_of_content
from schemas.envelope import Actor, RecordedEvent
from schemas.events import AnyEvent, MetricSeries, Param, RunDataLogged, RunTagDeleted, Tag


def event(payload: bytes) -> RecordedEvent:
    return RecordedEvent(0, 0, bytes(16), "run.data-logged", 1, "run/r", 5, Actor(), "q", payload)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("0.1", b"0.1"),
        ("a b", b"a\\u0020b"),
        ("/x", b"\\/x"),
        ('say "x"', b'say \\"x\\"'),
        ("back\\slash", b"back\\\\slash"),
        ("\u00e9", "\u00e9".encode()),
        ("\u00e9", b"\\u00e9"),
        ("", b""),
    ],
)
@pytest.mark.parametrize("kind", ["params", "tags"])
def test_a_value_is_found_however_it_is_written(kind: str, value: str, written: bytes) -> None:
    one = event(b'{"run_id":"r","%s":[{"key":"k","value":"%s"}]}' % (kind.encode(), written))
    assert FieldWanted.parse(f"{kind}.k", value).matches(one)
    assert FieldWanted.parse("k", value).matches(one)
    assert not FieldWanted.parse(f"{kind}.k", f"{value}!").matches(one)
    assert not FieldWanted.parse(f"{kind}.other", value).matches(one)


ONE_POINT = [MetricSeries(key="k", value=[1.5], timestamp_ms=[1], step=[1])]


@pytest.mark.parametrize(
    ("field", "value", "logged", "is_looked_at"),
    [
        ("params.k", "1", RunDataLogged(run_id="r", params=[Param("k", "1")]), True),
        ("params.k", "1", RunDataLogged(run_id="r", params=[Param("k", "2"), Param("l", "1")]), False),
        ("params.k", "1", RunDataLogged(run_id="r", tags=[Tag("k", "1")]), False),
        ("tags.k", "1", RunDataLogged(run_id="r", tags=[Tag("k", "1")]), True),
        ("k", "1", RunDataLogged(run_id="r", tags=[Tag("k", "1")]), True),
        ("k", "1", RunDataLogged(run_id="r", params=[Param("k", "12")]), False),
        ("tags.k", "1", RunTagDeleted(run_id="r", key="k"), False),
        ("tags.k", None, RunTagDeleted(run_id="r", key="k"), True),
        ("metrics.k", "2", RunDataLogged(run_id="r", metrics=ONE_POINT), True),
        ("params.k", "1", RunDataLogged(run_id="r", params=[Param(f"p{one}", "2") for one in range(65)]), True),
    ],
)
def test_the_index_knows_of_all_values_but_those_of_metrics_and_of_events_with_many_fields(
    field: str, value: str | None, logged: AnyEvent, is_looked_at: bool
) -> None:
    sources = FieldWanted.parse(field, value).sources()
    assert bool({one.term for one in sources} & {*terms_of_content(logged)}) is is_looked_at
