from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from josefine_nlu.spans import Span, disjoint, sample_range, word_spans


def words(*written):
    return [
        {"word": w, "punctuated_word": w, "start_sample": 1_000 * at, "end_sample": 1_000 * at + 900, "confidence": 1.0}
        for at, w in enumerate(written)
    ]  # fmt: skip


def test_what_overlaps_is_one_and_the_longest_names_it():
    text = "john dot smith at example dot com"
    person, email = Span(0, 14, "PERSON", 0.85), Span(5, 33, "EMAIL_ADDRESS", 0.5)
    assert disjoint([email, person], text) == [Span(0, 33, "EMAIL_ADDRESS", 0.85)]


def test_neighbours_of_one_kind_are_one():
    text = "John Smith, Ann"
    spans = [Span(0, 4, "PERSON"), Span(5, 10, "PERSON"), Span(12, 15, "PERSON")]
    assert disjoint(spans, text) == [Span(0, 10, "PERSON"), Span(12, 15, "PERSON")]
    assert len(disjoint([Span(0, 4, "PERSON"), Span(5, 10, "NRP")], text)) == 2


SPANS = st.lists(
    st.builds(
        lambda start, length, kind: Span(start, start + length, kind),
        st.integers(0, 40),
        st.integers(1, 10),
        st.sampled_from("AB"),
    )
)


@given(SPANS)
def test_disjoint_spans_cover_all_that_was_found(spans):
    text = "x" * 60
    found = disjoint(spans, text)
    covered = {at for span in found for at in range(span.start_char, span.end_char)}
    assert covered == {at for span in spans for at in range(span.start_char, span.end_char)}
    assert all(left.end_char <= right.start_char for left, right in pairwise(found))


def test_characters_to_samples():
    text = "My name, my name is John Smith."
    said = words("My", "name,", "my", "name", "is", "John", "Smith.")
    places = word_spans(text, said)
    assert [text[a:b] for a, b in places] == ["My", "name,", "my", "name", "is", "John", "Smith."]
    assert sample_range(text.index("John"), text.index("."), places, said) == (5_000, 6_900)


def test_a_word_that_is_not_in_the_text_has_no_characters():
    said = words("one", "missing", "two")
    assert word_spans("one two", said) == [(0, 3), (3, 3), (4, 7)]
    assert sample_range(0, 3, word_spans("one two", said), said) == (0, 900)


def test_no_words_no_samples():
    assert sample_range(0, 3, [], []) is None
