"""What passes reads on passes on all of them: the plain way of the port is slow where a log has a quick one."""

from event_log.passed_on import PassedOnReads
from event_log.port import EventLogReader


def test_nothing_of_the_port_is_left_to_its_plain_way() -> None:
    methods = {name for name, found in vars(EventLogReader).items() if callable(found) and not name.startswith("_")}
    assert methods <= vars(PassedOnReads).keys()


def test_whether_streams_are_found_is_the_logs_own() -> None:
    class Slow(PassedOnReads):
        def __init__(self) -> None:
            self.finds_streams = False

    assert PassedOnReads(Slow()).finds_streams is False
