"""How a plan says in words what a field is and would be."""

import orjson
import pytest

from ingest.undo.shown import shown
from ingest.undo.trace import Change
from schemas.events import PointCorrection
from schemas.fields.field import Value


def of(field: str, found: Value, wanted: Value) -> tuple[str, str]:
    return shown(Change(field, found, wanted, ("e",)))


def text(**members: object) -> str:
    return orjson.dumps(members).decode()


@pytest.mark.parametrize(
    ("field", "found", "wanted", "words"),
    [
        ("tags.t", "bad", None, ('"bad"', "not set")),
        ("tags.t", '{"a":1}', '{"a":2}', ('"{\\"a\\":1}"', '"{\\"a\\":2}"')),
        ("aliases.champion", 2, 1, ("2", "1")),
        ("end_time_ms", 1_700_000_000_000, None, ("2023-11-14T22:13:20.000000Z", "not set")),
        ("end_time_ms", 2**62, -(2**62), (str(2**62), str(-(2**62)))),
        ("linked_runs.r", 1, None, ("there", "not set")),
        ("linked_prompts.p/1", None, 1, ("not set", "there")),
        ("experiments.1", None, 1, ("not set", "there")),
        ("input_models.m", 1, None, ("there", "not set")),
    ],
)
def test_a_value_is_said_as_it_is_and_of_what_is_only_there_that_it_is(
    field: str, found: Value, wanted: Value, words: tuple[str, str]
) -> None:
    assert of(field, found, wanted) == words


def test_of_an_object_what_is_otherwise_is_said_and_what_it_is_known_by() -> None:
    before = text(record_id="dr-1", inputs='{"q":1}', expectations='{"a":"me"}', last_update_time_ms=1)
    after = text(record_id="dr-1", inputs='{"q":1}', expectations='{"a":"WRONG"}', last_update_time_ms=2)
    assert of("records.x", after, before) == (
        'inputs {"q":1}, expectations {"a":"WRONG"}',
        'inputs {"q":1}, expectations {"a":"me"}',
    )
    assert of("records.x", before, None) == ('inputs {"q":1}, expectations {"a":"me"}', "not set")
    said = text(assessment_id="a", name="good", kind="feedback", value="true", rationale="", create_time_ms=1)
    assert of("assessments.a", None, said) == ("not set", "name good, kind feedback, value true")
    assert of("versions.1.origin", None, text(version_id="v", n=1)) == ("not set", "version_id v, n 1")


def test_what_the_server_keeps_of_an_object_is_said_where_nothing_else_is_otherwise() -> None:
    before, after = (text(record_id=one, inputs="{}", last_update_time_ms=2) for one in ("dr-1", "dr-2"))
    assert of("records.x", after, before) == ("record_id dr-2", "record_id dr-1")


def test_what_is_long_is_cut() -> None:
    assert of("tags.t", "x" * 500, "y") == (f'"{"x" * 199}…', '"y"')


def test_points_of_a_metric_are_said_by_their_steps() -> None:
    points = tuple(PointCorrection(step=step, timestamp_ms=1, old=0.5, new=None) for step in range(5))
    change = Change("metrics.loss", 5, 0, ("e",), points)
    assert shown(change) == ("0.5 at step 0, 0.5 at step 1, 0.5 at step 2 and 2 more", "no such points")
