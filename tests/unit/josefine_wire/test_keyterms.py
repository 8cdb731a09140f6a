import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_wire.keyterms import MOST_BYTES, packed, unpacked

TERMS = st.lists(st.text("aé K.-", min_size=1, max_size=12).filter(str.strip), max_size=12)


@given(TERMS)
def test_terms_come_back_in_their_order(terms):
    assert list(unpacked(packed(terms))) == [" ".join(term.split()) for term in terms]


def test_no_term_is_no_metadata():
    assert packed([]) == {}
    assert unpacked({}) == ()


@pytest.mark.parametrize("term", ["", "  ", "mouse, singing", "mo\0use"])
def test_what_is_no_term_is_refused(term):
    with pytest.raises(ValueError, match="is no term"):
        packed(["Josefine", term])


def test_more_than_the_model_hears_is_refused():
    packed(["é" * (MOST_BYTES // 2)])
    with pytest.raises(ValueError, match="221 bytes"):
        packed(["a" * 110, "a" * 110])


@given(st.text("aé,", max_size=600))
def test_whatever_others_wrote_is_cut_to_what_the_model_hears(text):
    terms = unpacked({"keyterms": text})
    assert len(",".join(terms).encode()) <= MOST_BYTES
    assert list(terms) == [term for term in text.split(",") if term][: len(terms)]
