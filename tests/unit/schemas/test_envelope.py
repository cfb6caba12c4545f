"""The envelope that a new event gets."""

from msgspec.structs import replace

from schemas.envelope import Actor, EventClock
from schemas.events import RunDataLogged


def test_a_clock_never_stamps_two_events_alike_or_backwards() -> None:
    clock = EventClock(iter([2_000_000, 1_000_000, 2_000_000]).__next__)
    stamped = [clock.stamp(RunDataLogged(run_id="a"), Actor(), "r") for _ in range(3)]
    assert [event.time_us for event in stamped] == [2000, 2001, 2002]
    assert len({event.id for event in stamped}) == 3
    assert replace(stamped[0], time_us=0).stream == "run/a"
