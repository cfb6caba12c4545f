"""What differs between two states of a document is told by field, with the events that made it so."""

from query_api.past.differences import Comparison, Difference, fields_of
from schemas.envelope import Actor, RecordedEvent


def event(offset: int) -> RecordedEvent:
    return RecordedEvent(0, offset, bytes(16), "t", 1, "s", offset, Actor(), "r", b"{}")


def test_fields_are_named_by_the_path_to_them() -> None:
    document = {
        "info": {"status": "RUNNING"},
        "data": {
            "params": [{"key": "lr", "value": "0.1"}],
            "metrics": [{"key": "loss", "value": 0.5, "step": 3}],
        },
        "inputs": {"model_inputs": [{"model_id": "m-1"}]},
        "aliases": [{"alias": "best", "version": "2"}],
        "names": ["a"],
    }
    assert fields_of(document) == {
        "info.status": "RUNNING",
        "data.params.lr": "0.1",
        "data.metrics.loss": {"value": 0.5, "step": 3},
        "inputs.model_inputs.m-1": {},
        "aliases.best": {"version": "2"},
        "names.a": "a",
    }


def test_a_dataset_is_named_by_name_and_digest() -> None:
    read = {"dataset": {"name": "d", "digest": "1", "source": "s"}, "tags": []}
    assert fields_of({"dataset_inputs": [read]}) == {"dataset_inputs.d@1": read}


def test_a_difference_has_all_events_that_changed_its_field_and_no_other() -> None:
    comparison = Comparison({"a": 1, "b": 1})
    comparison.after([event(1)], {"a": 2, "b": 1})
    comparison.after([event(2)], {"a": 2, "b": 2})
    comparison.after([event(3)], {"a": 3, "b": 2})
    assert comparison.differences() == [
        Difference("a", 1, 3, [[event(1)], [event(3)]]),
        Difference("b", 1, 2, [[event(2)]]),
    ]


def test_what_was_changed_back_is_no_difference() -> None:
    comparison = Comparison({"a": 1})
    comparison.after([event(1)], {"a": 2})
    comparison.after([event(2)], {"a": 1})
    assert comparison.differences() == []


def test_what_comes_and_goes_is_told_as_nothing_before_or_after() -> None:
    comparison = Comparison({"gone": 1})
    comparison.after([event(1)], {"new": 2})
    assert comparison.differences() == [
        Difference("gone", 1, None, [[event(1)]]),
        Difference("new", None, 2, [[event(1)]]),
    ]
