import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_speech import transcript, understanding

from josefine_gateway.shape.phrases import phrase
from josefine_gateway.shape.wording import Redaction, Replacement, Wording
from josefine_gateway.shape.words import shaped

PUNCTUATED = Wording(punctuated=True)


def text(said, understood=None, **edits):
    return shaped(transcript(text=said), understood, Wording(punctuated=True, **edits)).transcript


def test_bare_words_unless_punctuation_is_asked_for():
    final = transcript(text="Hello, Anna.")

    plain, punctuated = shaped(final, None, Wording()), shaped(final, None, PUNCTUATED)

    assert (plain.transcript, punctuated.transcript) == ("hello anna", "Hello, Anna.")
    assert plain.words[1] == {"word": "anna", "start": 0.25, "end": 0.4375, "confidence": 0.9}
    assert punctuated.words[1] == {**plain.words[1], "punctuated_word": "Anna."}


def test_silence():
    nothing = shaped(transcript(text=""), None, PUNCTUATED)

    assert (nothing.transcript, nothing.confidence, nothing.words) == ("", 0.0, [])


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("I have twenty-five apples.", "I have 25 apples."),
        ("Twenty five, please.", "25, please."),
        ("In nineteen eighty four.", "In 1984."),
        ("It costs three hundred dollars.", "It costs $300."),
        ("One of them is the one.", "One of them is the one."),
        ("one, two, three", "1, 2, 3"),
        ("call five five five one two", "call 55512"),
        ("Wait a second for the first.", "Wait a second for the first."),
        ("The twenty second of May.", "The 22nd of May."),
        ("I saw two and three.", "I saw 2 and 3."),
        ("two hundred and five people", "205 people"),
        ("Oh, five more.", "Oh, 5 more."),
        ("three point one four", "3.14"),
        ("ten percent", "10%"),
        ("five pounds and a million reasons", "5 pounds and a million reasons"),
        ("five second rule", "5 second rule"),
        ("the nineteen fifties and two million", "the 1950s and 2000000"),
    ],
)
def test_numerals(said, written):
    assert text(said, numerals=True) == written


def test_a_number_of_several_words_is_one_word_from_the_first_to_the_last():
    words = shaped(transcript(text="say twenty five now"), None, Wording(numerals=True)).words

    assert [(word["word"], word["start"], word["end"]) for word in words] == [
        ("say", 0.0, 0.1875),
        ("25", 0.25, 0.6875),
        ("now", 0.75, 0.9375),
    ]


NUMBER_WORDS = [
    *("one", "two", "twelve", "twenty", "thirty", "hundred", "thousand", "million", "oh", "o", "zero", "twenty-five"),
    *("and", "point", "double", "triple", "minus", "percent", "dollars", "first", "second", "twentieth", "fifties"),
    *("7", "7th", "a", "Hello."),
]


@given(st.lists(st.sampled_from(NUMBER_WORDS), max_size=14))
def test_numerals_keep_order_and_lose_no_other_word(words):
    said = shaped(transcript(text=" ".join(words)), None, Wording(numerals=True))

    times = [(word["start"], word["end"]) for word in said.words]
    assert times == sorted(times)
    assert all(start <= end for start, end in times)
    for kept in ("a", "hello", "7", "7th"):
        assert [word["word"] for word in said.words].count(kept) >= [word.lower().strip(".") for word in words].count(
            kept
        )


@given(st.lists(st.sampled_from(NUMBER_WORDS), max_size=12), st.sampled_from([1, 3]))
def test_no_long_number_survives_its_redaction(words, digits):
    final = transcript(text=" ".join(words))
    hidden = Wording(redaction=Redaction(least_digits=digits), numerals=True)

    said = shaped(final, understanding(final), hidden)

    assert all(
        sum(letter.isdigit() for letter in word["word"]) < digits
        for word in said.words
        if not word["word"].startswith("[")
    )


def test_profane_words_lose_their_inner_letters():
    assert text("Shit, that's bullshit! Fucking great shiitake.", profanity_filter=True) == (
        "S**t, that's b******t! F*****g great shiitake."
    )


def test_phrases_are_replaced_as_written():
    edits = (Replacement(("new", "york"), ("NYC",)), Replacement(("um",), ()), Replacement(("josefine",), ("Jo", "F")))

    words = shaped(transcript(text="Um, New York! josefine sings."), None, Wording(punctuated=True, replacements=edits))

    assert words.transcript == "NYC! Jo F sings."
    assert [(word["word"], word["start"], word["end"]) for word in words.words][:2] == [
        ("nyc", 0.25, 0.6875),
        ("jo", 0.75, 0.8438),
    ]


def test_phrases_are_compared_bare():
    assert phrase(" New York, - City! ") == ("new", "york", "city")


def test_redaction_hides_what_is_asked_and_counts_by_kind():
    final = transcript(text="I am Anna Smith, call 555 1234, or Bob.")
    pii = [("Anna Smith", "PERSON"), ("555 1234", "PHONE_NUMBER"), ("Bob", "PERSON")]
    hidden = Wording(punctuated=True, redaction=Redaction(frozenset({"PERSON"})))

    said = shaped(final, understanding(final, pii), hidden, {"PERSON": 4})

    assert said.transcript == "I am [PERSON_5], call 555 1234, or [PERSON_6]."
    assert said.masks == {"PERSON": 6}
    assert said.words[2]["word"] == "[PERSON_5]"


def test_numbers_are_hidden_whatever_they_mean():
    final = transcript(text="Card 4111 1111, expires 12/27, code one two three, for 2 people.")
    hidden = Redaction(frozenset({"CREDIT_CARD"}), least_digits=3)

    said = text(final["text"], understanding(final, [("4111 1111", "CREDIT_CARD")]), redaction=hidden, numerals=True)

    assert said == "Card [CREDIT_CARD_1], expires [NUMBER_1], code [NUMBER_2], for 2 people."


def test_a_part_of_a_word_hides_the_word():
    final = transcript(text="That is Anna's.")

    assert text(
        final["text"], understanding(final, [("Anna", "PERSON")]), redaction=Redaction(frozenset({"PERSON"}))
    ) == ("That is [PERSON_1].")


def test_no_edit_touches_a_mask():
    final = transcript(text="Hello Anna one.")
    edits = {"replacements": (Replacement(("person_1",), ("Anna",)),), "numerals": True, "profanity_filter": True}

    said = text(
        final["text"], understanding(final, [("Anna", "PERSON")]), redaction=Redaction(frozenset({"PERSON"})), **edits
    )

    assert said == "Hello [PERSON_1] one."


def spoilt(change):
    final = transcript(text="I am Anna.")
    understood = understanding(final, [("Anna", "PERSON")])
    change(final, understood)
    return final, understood


@pytest.mark.parametrize(
    "change",
    [
        lambda final, understood: understood.update(segment=7),
        lambda final, understood: understood.update(channel=1),
        lambda final, understood: understood.update(kind="END"),
        lambda final, understood: understood.update(session_id="another"),
        lambda final, understood: understood["pii"][0].update(end_char=99),
        lambda final, understood: final.update(text="I am  Anna."),
    ],
)
def test_a_redaction_that_cannot_be_done_leaves_no_text(change):
    final, understood = spoilt(change)

    said = shaped(final, understood, Wording(redaction=Redaction(frozenset({"PERSON"})), entities=True))

    assert (said.withheld, said.transcript, said.words, said.entities) == (True, "", [], ())


def test_a_redaction_without_understanding_leaves_no_text():
    said = shaped(transcript(), None, Wording(redaction=Redaction(least_digits=3)))

    assert (said.withheld, said.transcript) == (True, "")


def test_entities_have_the_places_of_the_edited_words():
    final = transcript(text="Say twenty five to Anna Smith in Boston.")
    understood = understanding(final, [("Anna Smith", "PERSON")], [("Anna Smith", "PERSON"), ("Boston", "GPE")])
    wording = Wording(punctuated=True, numerals=True, entities=True)

    open_, hidden = (
        shaped(final, understood, wording),
        shaped(final, understood, Wording(entities=True, redaction=Redaction(frozenset({"PERSON"})))),
    )

    assert list(open_.entities) == [
        {
            "label": "PERSON",
            "value": "Anna Smith",
            "raw_value": "anna smith",
            "confidence": 0.9,
            "start_word": 3,
            "end_word": 4,
        },
        {
            "label": "GPE",
            "value": "Boston",
            "raw_value": "boston",
            "confidence": 0.9,
            "start_word": 6,
            "end_word": 6,
        },
    ]
    assert [entity["label"] for entity in hidden.entities] == ["GPE"]
    assert hidden.words[hidden.entities[0]["start_word"]]["word"] == "boston"
