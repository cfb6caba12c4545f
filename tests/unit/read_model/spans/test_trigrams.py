"""The bits of trigrams beside each chunk of spans."""

from hypothesis import given
from hypothesis import strategies as st

from read_model.spans.trigrams import MAX_BYTES, MAX_CHARACTERS, filter_bytes, merged, trigram_filter, trigrams_within
from schemas.events import Span

TRACE = "tr-" + "0" * 32


def span(*texts: str) -> Span:
    return Span(span_id="00000000000000a1", attributes={f"key {number}": text for number, text in enumerate(texts)})


def bits(*spans: Span, size: int = 256) -> int:
    return int.from_bytes(trigram_filter(TRACE, spans, size), "big")


def may_hold(found: int, text: str, size: int = 256) -> bool:
    data = found.to_bytes(size, "big")
    return all(data[one // 8 % size] & 0x80 >> one % 8 for one in trigrams_within(text.encode()))


_texts = st.text(st.sampled_from('abcABC019.- "\\\n{[é\N{KELVIN SIGN}'), max_size=30)


@given(st.lists(st.lists(_texts, max_size=3), max_size=4), st.sampled_from([32, 64, 960]))
def test_the_filter_of_some_spans_is_that_of_each_together(texts: list[list[str]], size: int) -> None:
    spans = [span(*one) for one in texts]
    together = trigram_filter(TRACE, [], size)
    for one in spans:
        together = merged(together, trigram_filter(TRACE, [one], size))
    assert together == trigram_filter(TRACE, spans, size)


@given(_texts, st.integers(0, 30), st.integers(3, 30))
def test_whatever_is_within_a_text_may_be_there(text: str, start: int, length: int) -> None:
    part = text.encode()[start : start + length].decode("ascii", "ignore")
    if text.isascii():
        assert may_hold(bits(span(text)), part)


def test_words_that_are_not_there_are_told_so() -> None:
    found = bits(span("The capital of France is Paris.", '{"user": "c-4711"}'))
    assert all(
        may_hold(found, text) for text in ("capital", "PARIS.", "france is", "c-4711", "-47", "key", "a", "", "§")
    )
    assert not any(may_hold(found, text) for text in ("Rome", "capitals", "c-4712", "tr-9999"))


def test_trigrams_do_not_cross_the_edge_of_a_word() -> None:
    assert trigrams_within(b"ab cd ef") == []
    assert len(trigrams_within(b"abcd (bcde)")) == 3
    assert trigrams_within(b"ABC") == trigrams_within(b"abc")


def test_a_filter_holds_the_same_for_ever() -> None:
    """Read models hold it. Whoever changes it raises SCHEMA_VERSION."""
    assert trigrams_within(b"needle") == [4972, 4557, 5318, 5349]
    assert trigram_filter("", [Span(span_id="00000000000000a1", name="needle")], 32).hex() == (
        "0000000000000000000000000008000000000000000000000204000004000000"
    )


def test_a_text_that_is_too_long_may_hold_anything() -> None:
    for value in ("x" * (MAX_CHARACTERS + 1), ["x" * MAX_CHARACTERS]):
        one = Span(span_id="00000000000000a1", attributes={"picture": value})
        assert trigram_filter(TRACE, [one, span("short")], 64) == b"\xff" * 64


def test_a_filter_is_half_as_large_as_its_chunk_or_less() -> None:
    assert [filter_bytes(size) for size in (0, 64, 127, 128, 600, 1919, 1920, 10**6)] == [
        *(32, 32, 32, 64, 256, 512, MAX_BYTES, MAX_BYTES),
    ]
