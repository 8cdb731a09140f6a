"""Finished sessions, as the command line gets them."""

import pytest

from josefine_client.results import SessionResult
from josefine_wire.ids import end_id, final_id, understanding_id


def word(text, start_s, end_s, confidence=0.9):
    return {
        "word": text.lower().strip(".,"),
        "punctuated_word": text,
        "start_sample": round(start_s * 16_000),
        "end_sample": round(end_s * 16_000),
        "confidence": confidence,
    }


def final(segment, words, channel=0, channels=1, **more):
    return {
        "id": final_id("s", channel, segment),
        "session_id": "s",
        "channel": channel,
        "channels": channels,
        "kind": "FINAL",
        "segment": segment,
        "revision": 1,
        "session_started_at": 0,
        "captured_at": 0,
        "start_sample": words[0]["start_sample"] if words else 0,
        "end_sample": words[-1]["end_sample"] if words else 0,
        "text": " ".join(each["punctuated_word"] for each in words),
        "stable_words": len(words),
        "words": words,
        "confidence": 0.9,
        "language": "en",
        "model": "tiny.en",
        "speech_final": True,
        "gaps": [],
        "reason": None,
        "error": None,
        "metadata": {},
        **more,
    }


def end(length_s, channel=0, channels=1, **more):
    record = final(9, [], channel, channels, **more)
    return {
        **record,
        "id": end_id("s", channel),
        "kind": "END",
        "end_sample": round(length_s * 16_000),
        "reason": more.get("reason", "COMPLETE"),
    }


def understood(segment, text, channel=0, **more):
    return {
        "id": understanding_id(final_id("s", channel, segment)),
        "session_id": "s",
        "channel": channel,
        "channels": 1,
        "kind": "SEGMENT",
        "segment": segment,
        "start_sample": 0,
        "end_sample": 16_000,
        "entities": [],
        "redacted_text": text,
        "pii": [],
        "sentiment": {"label": "POSITIVE", "score": 0.5},
        **more,
    }


@pytest.fixture(scope="session")
def records():
    """Makers of records: word, final, end, understood."""

    class Records:
        pass

    for maker in (word, final, end, understood):
        setattr(Records, maker.__name__, staticmethod(maker))
    return Records


@pytest.fixture
def result():
    """Two segments of one channel, with what they mean."""
    done = SessionResult("s")
    done.add_transcript(final(0, [word("Anna", 0.5, 0.8), word("called.", 0.9, 1.4)]))
    done.add_transcript(final(1, [word("Good", 2.0, 2.2), word("day.", 2.3, 2.6)]))
    done.add_transcript(end(3.0))
    entity = {
        "label": "PERSON",
        "text": "Anna",
        "start_char": 0,
        "end_char": 4,
        "start_sample": 8_000,
        "end_sample": 12_800,
    }
    done.add_understanding(understood(0, "<PERSON> called.", entities=[entity]))
    done.add_understanding(understood(1, "Good day."))
    done.add_understanding({**understood(2, ""), "kind": "END"})
    return done


@pytest.fixture
def two_channels():
    """Two people who take turns, each on a channel."""
    done = SessionResult("s")
    done.add_transcript(final(0, [word("Hello?", 0.0, 0.5)], 0, 2))
    done.add_transcript(final(0, [word("Yes.", 1.0, 1.4)], 1, 2))
    done.add_transcript(final(1, [word("Bye.", 2.0, 2.4)], 0, 2))
    for channel in (0, 1):
        done.add_transcript(end(3.0, channel, 2))
    return done
