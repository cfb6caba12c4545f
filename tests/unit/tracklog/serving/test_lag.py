"""Rules of the lag of a read model: how long something has waited to become visible, not how much."""

from tracklog.serving.lag import Lag


def test_what_is_visible_does_not_lag() -> None:
    lag = Lag()
    assert [lag.look({0: 5}, {0: 5}, now_s) for now_s in (0.0, 60.0)] == [0.0, 0.0]


def test_a_read_model_that_gets_on_is_not_late_however_far_behind_it_is() -> None:
    lag = Lag()
    looks = [({0: 1000 * now}, {0: 1000 * (now - 1)}, float(now)) for now in range(1, 60)]
    assert max(lag.look(*look) for look in looks) <= 1.0


def test_what_waits_from_one_look_to_the_next_is_late_by_the_time_between() -> None:
    lag = Lag()
    assert lag.look({0: 5}, {0: 4}, 10.0) == 0.0
    assert lag.look({0: 9}, {0: 4}, 17.0) == 7.0
    assert lag.look({0: 9}, {0: 5}, 18.0) == 0.0


def test_one_partition_that_stands_still_is_enough() -> None:
    lag = Lag()
    lag.look({0: 5, 1: 5}, {0: 0, 1: 0}, 0.0)
    assert lag.look({0: 5, 1: 5}, {0: 5}, 3.0) == 3.0
