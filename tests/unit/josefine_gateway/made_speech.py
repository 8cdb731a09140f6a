"""Records as the pipeline's last two stages write them, made of a text."""

from datetime import UTC, datetime

from josefine_client.results import SessionResult
from josefine_gateway.shape.connection import Heard
from josefine_wire.ids import end_id, final_id, interim_id, understanding_id

SECOND = 16_000


def bare(text):
    return text.lower().strip(".,?!;:\"'")


def timed(text, start, step=4_000, length=3_000, confidence=0.9):
    return [
        {
            "word": bare(word),
            "punctuated_word": word,
            "start_sample": start + step * number,
            "end_sample": start + step * number + length,
            "confidence": confidence,
        }
        for number, word in enumerate(text.split())
    ]


def transcript(kind="FINAL", text="Hello there.", segment=0, start=0, end=None, channel=0, channels=1, **more):
    ids = {"INTERIM": interim_id("s", channel, segment, 1), "FINAL": final_id("s", channel, segment)}
    words = timed(text, start)
    end = end if end is not None else max([start + SECOND, *(word["end_sample"] for word in words)])
    return {
        "id": ids.get(kind, end_id("s", channel)),
        "session_id": "s",
        "channel": channel,
        "channels": channels,
        "kind": kind,
        "segment": segment,
        "revision": 1,
        "session_started_at": 1,
        "captured_at": 1,
        "start_sample": start,
        "end_sample": end,
        "text": " ".join(text.split()),
        "stable_words": len(words) if kind == "FINAL" else 0,
        "words": words,
        "confidence": 0.9 if words else 0.0,
        "language": "en",
        "model": "tiny.en",
        "speech_final": kind == "FINAL",
        "flushed": False,
        "gaps": [],
        "reason": "COMPLETE" if kind == "END" else None,
        "error": None,
        "metadata": {},
        "variant": "",
        **more,
    }


def end(segment=1, end_sample=SECOND, channel=0, channels=1, **more):
    place = {"segment": segment, "end": end_sample, "channel": channel, "channels": channels}
    return transcript("END", "", **place, **more)


def place_of(final, phrase):
    at = final["text"].index(phrase)
    return at, at + len(phrase)


def understanding(final, pii=(), entities=(), sentiment=None):
    """`pii` and `entities` are pairs of phrase and kind; `sentiment` a compound score."""
    label = None if sentiment is None else "POSITIVE" if sentiment > 0 else "NEGATIVE"
    spans = [(*place_of(final, phrase), kind) for phrase, kind in pii]
    named = [(*place_of(final, phrase), kind) for phrase, kind in entities]
    return {
        **{name: final[name] for name in ("session_id", "channel", "channels", "segment", "variant", "metadata")},
        "id": understanding_id(final["id"]),
        "kind": "SEGMENT",
        "session_started_at": 1,
        "captured_at": 1,
        "start_sample": final["start_sample"],
        "end_sample": final["end_sample"],
        "entities": [
            {
                "label": kind,
                "text": final["text"][at:to],
                "start_char": at,
                "end_char": to,
                "start_sample": 0,
                "end_sample": 0,
            }
            for at, to, kind in named
        ],
        "redacted_text": "",
        "pii": [{"kind": kind, "start_char": at, "end_char": to, "score": 0.9} for at, to, kind in spans],
        "sentiment": None if label is None else {"label": label, "score": sentiment},
    }


def session(*records):
    """Returns the result of a session with these transcripts and understandings."""
    result = SessionResult("s")
    for record in records:
        (result.add_understanding if "redacted_text" in record else result.add_transcript)(record)
    return result


def heard(**more):
    return Heard(
        **{
            "request_id": "3f0c8a52-0f0e-4d5b-8b6f-0d9b3a3c1f10",
            "created": datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
            "sha256": "00" * 32,
            "duration_s": 10.0,
            "channels": 1,
            "model": "tiny.en",
            **more,
        }
    )
