"""What is looked for in the JSON of spans before they are read: whatever passes a test has to hold it."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.filter.conditions import Condition
from query_api.filter.vocabulary import Comparator, Entity
from query_api.traces.conditions import span_test
from query_api.traces.needles import needle_of
from read_model.spans.chunk import ChunkOfSpans, chunk_json, pack_chunk
from read_model.spans.conventions import INPUTS, MODEL, OUTPUTS, SPAN_TYPE, USAGE
from read_model.spans.trigrams import trigram_filter
from schemas.events import Span, SpanEvent, SpanLink

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
    links=st.lists(st.just(SpanLink("deadbeef" * 4, "00000000000000b1")), max_size=1),
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
    "tr-deadbeef",
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
        assert has_all(trigram_filter(TRACE, spans, 64), test.needle.trigrams)


def has_all(bits: bytes, trigrams: Sequence[int]) -> bool:
    return all(bits[one // 8 % len(bits)] & 0x80 >> one % 8 for one in trigrams)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ('{"said": "one\\ntwo, \\"three\\""}', "%three%"),
        ("one\ntwo", "%ntwo%"),
        ("the id is C-4711.x", "%c-4711.%"),
        ([["deep", {"er": "buried"}]], "%buried%"),
        ("\N{KELVIN SIGN}elvin", "%kelvin%"),
        ("mi\N{LATIN SMALL LETTER LONG S}t", "mist"),
        (123456, "%3456"),
        (1.5e300, "%e+300%"),
    ],
)
def test_what_is_found_has_its_trigrams_in_the_filter(text: Any, asked: str) -> None:
    spans = [Span(span_id="00000000000000a1", attributes={"x": text})]
    for entity, name in ((Entity.SPAN_ATTRIBUTE, "x"), (Entity.SPAN, "content")):
        test = span_test(Condition(entity, name, Comparator.ILIKE, asked if name == "x" else f"%{asked.strip('%')}%"))
        if any(test.passes(TRACE, span) for span in spans):
            assert test.needle.may_be_in(chunk_json(pack_chunk(ChunkOfSpans(spans))), TRACE)
            assert has_all(trigram_filter(TRACE, spans, 64), test.needle.trigrams)


@pytest.mark.parametrize("asked", ["%tr-beef%", "%r-beef1%", "%beef1%"])
def test_a_link_is_found_by_the_id_of_the_trace_that_it_leads_to(asked: str) -> None:
    spans = [Span(span_id="00000000000000a1", links=[SpanLink("beef1" + "0" * 27, "00000000000000b1")])]
    test = span_test(Condition(Entity.SPAN, "content", Comparator.LIKE, asked))
    assert test.passes(TRACE, spans[0])
    assert test.needle.may_be_in(chunk_json(pack_chunk(ChunkOfSpans(spans))), TRACE)
    assert has_all(trigram_filter(TRACE, spans, 64), test.needle.trigrams)


def test_of_a_long_word_those_trigrams_are_looked_for_that_few_texts_have() -> None:
    def trigrams(word: str) -> Sequence[int]:
        return needle_of(Condition(Entity.SPAN_ATTRIBUTE, "x", Comparator.LIKE, f"%{word}%")).trigrams

    assert [len(trigrams("abcdefghijklm"[:size])) for size in (2, 3, 10, 13)] == [0, 1, 8, 8]
    assert set(trigrams("question 4711")[:2]) == {*trigrams("711"), *trigrams("471")}
    assert set(trigrams("the interesting word quiz")) >= {*trigrams("quiz")}


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
