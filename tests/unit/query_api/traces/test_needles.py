"""What is looked for in the JSON of spans before they are read: whatever passes a test has to hold it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from query_api.filter.conditions import Condition
from query_api.filter.vocabulary import Comparator, Entity
from query_api.traces.conditions import span_test
from query_api.traces.needles import needle_of
from read_model.spans.chunk import ChunkOfSpans, chunk_json, pack_chunk
from read_model.spans.conventions import INPUTS, MODEL, OUTPUTS, SPAN_TYPE, USAGE
from schemas.events import Span, SpanEvent

TRACE = "tr-" + "dead" * 8

_words = st.sampled_from(
    [
        *(
            "Paris",
            "paris",
            "PARIS",
            "user",
            "CHAT_MODEL",
            "chat",
            "Ann's",
            "a b c",
            "Où",
            "150",
            "c-407",
            '"q"',
            "x\\y",
        ),
        "\N{KELVIN SIGN}ilo",
    ]
)
_texts = st.one_of(
    _words,
    st.builds('{{"model": "{}", "role": "user"}}'.format, st.sampled_from(["gpt Paris", "m-1"])),
    st.builds('["{}"]'.format, st.sampled_from(["Paris", "ab"])),
)
_values = st.one_of(
    _texts, st.integers(0, 200), st.booleans(), st.sampled_from([1.5, 1e22]), st.none(), st.lists(_texts, max_size=2)
)
_keys = st.sampled_from(
    [
        *("city", INPUTS, "input.value", "gen_ai.operation.name", "gen_ai.response.model", "lk.room_name"),
        *("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"),
    ]
)
_events = st.builds(
    SpanEvent,
    st.sampled_from(["gen_ai.user.message", "gen_ai.choice", "e"]),
    st.just(1),
    st.dictionaries(st.just("content"), _texts),
)
_spans = st.builds(
    Span,
    span_id=st.just("00000000000000a1"),
    name=_words,
    status=st.integers(0, 2),
    attributes=st.dictionaries(_keys, _values, max_size=4),
    events=st.lists(_events, max_size=2),
)
_attributes = ("city", INPUTS, OUTPUTS, MODEL, SPAN_TYPE, USAGE, "mlflow.traceRequestId")
_asked = st.sampled_from(
    [*((Entity.SPAN_ATTRIBUTE, key) for key in _attributes), (Entity.SPAN, "content"), (Entity.SPAN, "text")]
)
_parts = [
    "-407",
    "12",
    "0",
    ", ",
    "{",
    "1.5",
    "total",
    "ERROR",
    "role",
    "deaddead",
    "kilo",
    "KILO",
    "odel",
    "gpt paris",
    "token",
]
_patterns = st.one_of(
    _words,
    st.builds("%{}%".format, _words),
    st.builds("%{}%".format, st.sampled_from(_parts)),
    st.builds("{}%{}".format, _words, _words),
)


@given(st.lists(_spans, min_size=1, max_size=3), _asked, _patterns, st.sampled_from(["=", "LIKE", "ILIKE"]))
def test_whatever_passes_a_test_is_in_the_json_of_its_chunk(
    spans: list[Span], asked: tuple[Entity, str], pattern: str, comparator: str
) -> None:
    condition = Condition(asked[0], asked[1], Comparator(comparator), pattern)
    test, json = span_test(condition), chunk_json(pack_chunk(ChunkOfSpans(spans)))
    if any(test.passes(TRACE, span) for span in spans):
        assert test.needle.may_be_in(json, TRACE)


def test_a_word_is_looked_for_before_spans_are_read() -> None:
    def may_hold(json: bytes, name: str, comparator: str, operand: Any) -> bool:
        entity = Entity.SPAN if name == "content" else Entity.SPAN_ATTRIBUTE
        return needle_of(Condition(entity, name, Comparator(comparator), operand)).may_be_in(json, TRACE)

    json = chunk_json(pack_chunk(ChunkOfSpans([Span(span_id="00000000000000a1", attributes={"city": "Paris"})])))
    assert may_hold(json, "city", "LIKE", "%Par%")
    assert not may_hold(json, "city", "LIKE", "%Rome%")
    assert not may_hold(json, "city", "LIKE", "%-407%")
    assert not may_hold(json, "town", "RLIKE", "P.*")
    assert not may_hold(json, "content", "ILIKE", "%rome%")
    assert may_hold(json, "content", "ILIKE", "%PARIS%")
