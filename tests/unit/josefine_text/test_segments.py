from josefine_text.segments import in_order, overall_sentiment, segments, timed_entities, timed_words, transcript_text


def final(segment, text, start=0, channel=0, kind="FINAL"):
    words = [
        {
            "word": text.lower(),
            "punctuated_word": text,
            "start_sample": start,
            "end_sample": start + 16_001,
            "confidence": 0.123456,
        }
    ]
    return {
        "id": f"s/{channel}/{segment}/final", "kind": kind, "channel": channel, "segment": segment,
        "start_sample": start, "end_sample": start + 32_000, "text": text, "words": words if text else [],
        "confidence": 0.5, "speech_final": True,
    }  # fmt: skip


def said(id_, score, samples, entities=()):
    return {
        "id": id_, "channel": 0, "segment": 0, "start_sample": 0, "end_sample": samples, "entities": list(entities),
        "sentiment": None if score is None else {"label": "NEUTRAL", "score": score},
    }  # fmt: skip


def test_finals_once_and_in_order_of_time():
    late, early, other = final(1, "late", 50_000), final(0, "early"), final(0, "other", 10, channel=1)
    found = in_order([late, early, late, other, final(2, "later", 9, kind="INTERIM")])
    assert [record["text"] for record in found] == ["early", "other", "late"]
    assert transcript_text(found) == "early other late"


def test_seconds_at_the_edge():
    (word,) = timed_words([final(0, "Hi", 8_000)])
    assert word == {"word": "hi", "punctuated_word": "Hi", "start": 0.5, "end": 1.5001, "confidence": 0.1235}


def test_segments_without_text_are_left_out():
    assert [segment["text"] for segment in segments([final(0, ""), final(1, " Hi "), final(2, "\n")])] == ["Hi"]


def test_entities_in_order_of_time():
    spans = [
        {"label": "GPE", "text": t, "start_char": 0, "end_char": 1, "start_sample": at, "end_sample": at}
        for t, at in [("b", 9), ("a", 1)]
    ]
    record = said("x", 0.0, 1, spans)
    assert [entity["text"] for entity in timed_entities([record, record])] == ["a", "b"]


def test_sentiment_is_weighted_by_length_and_ignores_replays():
    positive, negative = said("a", 0.9, 1_000), said("b", -0.3, 3_000)
    assert overall_sentiment([positive, positive, negative, said("end", None, 0)]) == {"label": "NEUTRAL", "score": 0.0}
    assert overall_sentiment([positive])["label"] == "POSITIVE"
    assert overall_sentiment([said("end", None, 0)]) is None
