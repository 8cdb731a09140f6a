from datetime import UTC, datetime

from deepgram.types.read_v1response import ReadV1Response

from josefine_gateway.shape.read import Passage, read_answer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_sentiments_are_weighted_by_words():
    passages = [
        Passage("All is very well.", {"label": "POSITIVE", "score": 0.5}),
        Passage("Sadly not.", {"label": "NEGATIVE", "score": -0.4}),
    ]

    found = ReadV1Response.model_validate(read_answer("r", NOON, "en", passages))

    assert found.metadata.metadata.sentiment_info.input_tokens == 6
    assert [(each.start_word, each.end_word, each.sentiment) for each in found.results.sentiments.segments] == [
        (0, 3, "positive"),
        (4, 5, "negative"),
    ]
    assert found.results.sentiments.average.sentiment_score == 0.2


def test_what_was_not_asked_for_is_absent():
    assert read_answer("r", NOON, "en", None)["results"] == {}
    assert read_answer("r", NOON, "en", [])["results"] == {"sentiments": {"segments": []}}
