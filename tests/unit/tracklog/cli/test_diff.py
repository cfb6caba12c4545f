"""What `tracklog diff` prints."""

from tracklog.cli.diff import lines

EVENT = {
    "partition": 0,
    "offset": 7,
    "type": "run.data-logged",
    "time": "2026-11-28T09:30:00.000000Z",
    "actor": {"user": "ada\x1b[2J", "address": "10.0.0.7"},
}


def test_each_difference_is_followed_by_the_events_that_made_it() -> None:
    changed = {"field": "data.params.lr", "before": None, "after": "0.1", "events": [EVENT]}
    assert list(lines({"from": "0:5", "to": "0:9", "differences": [changed]})) == [
        "from 0:5 to 0:9",
        'data.params.lr: nothing -> "0.1"',
        "    2026-11-28T09:30:00.000000Z  run.data-logged by ada?[2J from 10.0.0.7  (0:7)",
    ]


def test_what_is_left_out_or_counted_together_is_said() -> None:
    changed = {"field": "f", "before": 1, "after": 2, "earlier": 3, "events": [{**EVENT, "count": 4}]}
    _, _, earlier, event = lines({"from": "0:5", "to": "0:9", "differences": [changed]})
    assert earlier == "    3 earlier changes"
    assert event.endswith("(0:7, and 3 that follow)")


def test_nothing_is_said_to_be_nothing() -> None:
    assert list(lines({"from": "0:5", "to": "0:9", "differences": []}))[1:] == ["nothing is otherwise"]
