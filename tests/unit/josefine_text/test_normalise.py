import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_text.normalise import normalise, words

# Outputs of openai/whisper's EnglishTextNormalizer, release 20250625.
WHISPERS = [
    ("Mr. Hale's colour isn't 25.", "mister hale is color is not 25"),
    ("Twenty-five [laughs] dollars, um, and fifty cents!", "$25.50"),
    ("She said: (quietly) I can't; we'll see.", "she said i can not we will see"),
    ("It was the first of May, nineteen eighty-four.", "it was the 1st of may 1984"),
    ("We sold 1,000,000 units at 3.5%", "we sold 1000000 units at 3.5%"),
    ("I'm gonna go, y'all wanna?", "i am going to go you all want to"),
    ("The cause, because kinda.", "the cause because kinda"),
    ("naïve café", "naive cafe"),
    ("double oh seven", "007"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "expected"), WHISPERS)
def test_is_whispers(text, expected):
    assert normalise(text) == expected


def test_words_of_silence():
    assert words("  [music] ... ") == []


@given(st.text(max_size=60))
def test_any_text_gives_words_without_blanks(text):
    assert all(word and not any(letter.isspace() for letter in word) for word in words(text))
