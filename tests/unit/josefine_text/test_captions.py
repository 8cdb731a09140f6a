from itertools import pairwise

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from josefine_text.captions import LONGEST_CUE_SAMPLES, PAUSE_SAMPLES, Cue, captions, cues
from josefine_text.wrapping import LINE_CHARACTERS, LINES, balanced_lines
from josefine_wire.records import Word

RATE = 16_000


def said(text, word_samples=4_000, gap_samples=800, at=0):
    found = []
    for written in text.split():
        plain = written.strip(".,?!").lower()
        found.append(
            Word(word=plain, punctuated_word=written, start_sample=at, end_sample=at + word_samples, confidence=1.0)
        )
        at += word_samples + gap_samples
    return found


@st.composite
def speech(draw):
    at, found = draw(st.integers(0, 10**6)), []
    for written in draw(st.lists(st.text("ab'<&>-.,?", min_size=1, max_size=60), max_size=40)):
        length, pause = draw(st.integers(0, 3 * RATE)), draw(st.sampled_from([0, 100, 6_000, 2 * RATE]))
        found.append(Word(word="", punctuated_word=written, start_sample=at, end_sample=at + length, confidence=1.0))
        at += length + pause
    return found


@given(speech())
def test_cues_hold_every_word_once_in_order_and_fit_the_screen(words):
    found = cues(words)
    shown = "".join(line.replace(" ", "") for cue in found for line in cue.lines)
    assert shown == "".join(word["punctuated_word"] for word in words)
    assert all(len(cue.lines) <= LINES and max(map(len, cue.lines)) <= LINE_CHARACTERS for cue in found)
    assert all(cue.start_sample <= cue.end_sample for cue in found)
    assert all(left.end_sample <= right.start_sample for left, right in pairwise(found))


@given(speech())
def test_a_cue_of_several_words_is_short_and_has_no_pause(words):
    longest = max((word["end_sample"] - word["start_sample"] for word in words), default=0)
    for cue in cues(words):
        assert cue.end_sample - cue.start_sample <= max(LONGEST_CUE_SAMPLES, longest)


def test_cuts_at_pauses_and_sentence_ends():
    first = said("There's iron, they say, in all our blood, and a grain or two perhaps is good.")
    second = said("But his makes me feel he has got a little too much of steel.", at=first[-1]["end_sample"] + 800)
    third = said("Anon.", at=second[-1]["end_sample"] + PAUSE_SAMPLES)
    texts = [" ".join(cue.lines) for cue in cues([*first, *second, *third])]
    assert texts == [
        "There's iron, they say, in all our blood, and a grain or two perhaps is good.",
        "But his makes me feel he has got a little too much of steel.",
        "Anon.",
    ]


def test_cuts_a_long_sentence_after_a_clause():
    words = said(
        "a rather long sentence that nobody could ever read at once, because it does not end"
        " before the second line is full"
    )
    assert cues(words)[0].lines[-1].endswith("once,")


def test_a_short_cue_stays_for_a_second_or_until_the_next():
    alone = cues(said("Yes."))[0]
    assert alone.end_sample == RATE
    early, _ = cues([*said("Yes."), *said("No.", at=4_000 + PAUSE_SAMPLES)])
    assert early.end_sample == 4_000 + PAUSE_SAMPLES


def test_lines_are_balanced():
    words = ["we", "hold", "these", "truths", "to", "be", "self", "evident", "that", "all", "are", "equal"]
    assert balanced_lines(words) == ("we hold these truths to be", "self evident that all are equal")
    assert balanced_lines(["x" * 42, "y" * 43]) is None


def test_subrip():
    assert captions([Cue(0, RATE, ("a < b & c", "d --> e")), Cue(3661 * RATE + 8, 3662 * RATE, ("f",))], "srt") == (
        "1\n00:00:00,000 --> 00:00:01,000\na < b & c\nd --> e\n\n2\n01:01:01,000 --> 01:01:02,000\nf\n"
    )


def test_webvtt_escapes_markup():
    assert captions([Cue(0, RATE + 8_000, ("a < b & c", "<i>d</i> --> e"))], "vtt") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na &lt; b &amp; c\n&lt;i&gt;d&lt;/i&gt; --&gt; e\n"
    )


@pytest.mark.parametrize("format_", ["srt", "vtt"])
def test_nothing_said(format_):
    assert captions(cues([]), format_) == {"srt": "\n", "vtt": "WEBVTT\n"}[format_]


@given(speech())
def test_what_is_written_can_be_read(words):
    found = [cue for cue in cues(words) if cue.end_sample > cue.start_sample]
    read = webvtt.from_string(captions(found, "vtt"))
    assert len(read.captions) == len(found)
