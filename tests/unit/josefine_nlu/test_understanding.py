"""The real pipeline: the published spaCy weights, Presidio, VADER."""

import logging
import socket
from functools import cache

import pytest

from josefine_models.store import fetch
from josefine_nlu.handler import NluHandler
from josefine_nlu.kinds import DEFAULT_KINDS
from josefine_nlu.understanding import Options, Understanding

pytestmark = pytest.mark.slow


@cache
def weights():
    return fetch("spacy-en-md")


@cache
def pipeline(kinds=DEFAULT_KINDS):
    return Understanding(weights(), Options(kinds, 0.4, ("US", "GB")))


def understood(text, kinds=DEFAULT_KINDS):
    (found,) = pipeline(kinds).understand([text])
    return found


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("My name is John Smith and I live in Boston.", "My name is <PERSON> and I live in Boston."),
        ("You can call me at 555-123-4567 tomorrow.", "You can call me at <PHONE_NUMBER> tomorrow."),
        ("My number is 5 5 5, 1 2 3, 4 5 6 7.", "My number is <PHONE_NUMBER>."),
        ("It's five five five, one two three, four five six seven.", "It's <PHONE_NUMBER>."),
        ("Call 555-1234 now.", "Call <PHONE_NUMBER> now."),
        ("Call me on +44 20 7946 0958.", "Call me on <PHONE_NUMBER>."),
        ("My card is 4111 1111 1111 1111.", "My card is <CREDIT_CARD>."),
        ("It was 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 12, 25.", "It was <CREDIT_CARD>."),
        ("My card number is 4111, 1111, 1111, 1112.", "My card number is <CREDIT_CARD>."),
        ("My social security number is 123 45 6789", "My social security number is <US_SSN>"),
        ("It's 1 2 3, 4 5, 6 7 8 9, that is my social.", "It's <US_SSN>, that is my social."),
        ("Write to john dot smith at example dot com, please.", "Write to <EMAIL_ADDRESS>, please."),
        ("My email is jsmith at gmail.com. Thanks.", "My email is <EMAIL_ADDRESS>. Thanks."),
        ("Send it to john.doe@example.co.uk.", "Send it to <EMAIL_ADDRESS>."),
        ("My account number is 12345678 at the bank.", "My account number is <US_BANK_NUMBER> at the bank."),
    ],
)
def test_redacts_what_is_said(said, hidden):
    assert understood(said).redacted_text == hidden


@pytest.mark.parametrize(
    "said",
    [
        "We sold 1,000,000 units in 2019, 2020, 2021, and 2022.",
        "One, two, three, four, five, six, seven, eight, nine, ten.",
        "There were 25 people at 9 o'clock on the 3rd of May, 1985.",
        "Look at example.com for more.",
        "They were served upon the flavored crackers.",
    ],
)
def test_leaves_what_is_not_personal(said):
    found = understood(said)
    assert (found.redacted_text, found.pii) == (said, ())


def test_pii_is_exactly_what_is_hidden():
    text = "I am Ann Lee, 555-123-4567, or ann dot lee at gmail dot com."
    found = understood(text)
    rebuilt, cursor = "", 0
    for span in found.pii:
        rebuilt, cursor = rebuilt + text[cursor : span.start_char] + f"<{span.kind}>", span.end_char
    assert rebuilt + text[cursor:] == found.redacted_text
    assert [span.kind for span in found.pii] == ["PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS"]


def test_entities_keep_ontonotes_labels_and_leave_numbers_to_the_rules():
    text = "John Smith of Microsoft flew to Paris on Monday, card 4111 1111 1111 1111."
    assert [(text[e.start_char : e.end_char], e.kind) for e in understood(text).entities] == [
        ("John Smith", "PERSON"),
        ("Microsoft", "ORG"),
        ("Paris", "GPE"),
        ("Monday", "DATE"),
    ]


def test_kinds_are_chosen():
    text = "John Smith lives in Paris."
    assert understood(text, ("LOCATION",)).redacted_text == "John Smith lives in <LOCATION>."
    assert understood(text, ()).redacted_text == text


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this, it is great!", "POSITIVE"),
        ("This is a horrible mess.", "NEGATIVE"),
        ("It is a table.", "NEUTRAL"),
    ],
)
def test_sentiment(text, label):
    assert understood(text).sentiment["label"] == label


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("I am saving, with 94545678.", "I am saving, with <US_BANK_NUMBER>."),
        ("I am sailing, with 94545678.", "I am sailing, with 94545678."),
    ],
)
def test_a_word_in_another_form_makes_a_weak_finding_sure(said, hidden):
    assert understood(said).redacted_text == hidden


def test_the_same_kind_names_what_two_are_equally_certain_of():
    assert understood("There was 911-70-1234 on it.").redacted_text == "There was <US_SSN> on it."


def test_a_batch_is_the_same_as_one_by_one():
    texts = ["Ann met Bob in Rome.", "x", "Call 555-123-4567.", "...", "a\n\nb", "\U0001f600 I am Émile."]
    assert pipeline().understand(texts) == [understood(text) for text in texts]
    assert pipeline().understand([]) == []


@pytest.mark.parametrize("piece", ["a ", "a dot ", "at a.", "1 ", "@", "a@", "4111-", "one, ", "A", "\u0663 ", "\x00"])
def test_odd_texts_are_texts(piece):
    text = (piece * 2_500)[:2_500]
    assert len(pipeline().understand([text])) == 1


def test_the_vocabulary_keeps_the_first_words_and_does_not_grow_for_ever():
    kept = 1_000
    small = Understanding(weights(), Options(DEFAULT_KINDS, 0.4, ("US", "GB"), kept))
    texts = [f"Qx{n}z met yw{n}k at vv{n}q in Rome." for n in range(400)]
    strings = small._nlp.vocab.strings
    before = len(strings)
    found = [small.understand([text]) for text in texts]
    after = len(strings)
    assert before < after < before + 2 * kept
    assert [small.understand([text]) for text in texts] == found
    assert len(strings) == after


def test_nothing_of_the_text_is_logged(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    understood("My card number is 4111 1111 1111 1112 and my email is zebedee at example dot com.")
    logged = caplog.text + "".join(capfd.readouterr())
    assert not [word for word in ("card", "4111", "zebedee", "example", "email") if word in logged]


def test_loads_and_works_without_a_network(monkeypatch):
    folder = weights()

    def refuse(*args, **_):
        raise AssertionError(f"a connection was tried: {args}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    offline = Understanding(folder, Options(DEFAULT_KINDS, 0.4, ("US",)))
    (found,) = offline.understand(["Write to ann.lee@example.co.uk or bob at gmail dot com."])
    assert found.redacted_text == "Write to <EMAIL_ADDRESS> or <EMAIL_ADDRESS>."


def test_the_handler_is_ready():
    assert NluHandler(pipeline(), batch_texts=8, max_text_chars=500, pending_records=10).ready()
