from pathlib import Path

import pytest

from josefine_cli.bars import bars, unjudged
from josefine_cli.evaluation_tables import as_json, latency_line, score_table
from josefine_cli.manifest import ReferenceClip
from josefine_cli.quantiles import quantile
from josefine_cli.scoring import ClipScore, clip_errors, hypothesis_words, pooled_score


def clip(*texts, kind="read", rate=None, digits=False, segments=()):
    return ReferenceClip("f", Path("f"), texts, kind, 1.0, "wav", rate, segments, digits)


def score(reference, *heard, **more):
    errors = clip_errors(reference, heard)
    return ClipScore(reference, heard, errors, hypothesis_words(reference, heard), **more)


def test_case_punctuation_and_spelling_are_no_errors():
    assert clip_errors(clip("The colour isn't right."), ["the color is not right"]).errors == 0


def test_a_missing_hypothesis_is_all_errors():
    errors = clip_errors(clip("one more thing", "and another"), ["one more thing"])

    assert (errors.reference_words, errors.deletions) == (5, 2)


def test_every_channel_is_compared_with_its_own_words():
    assert clip_errors(clip("hello", "goodbye"), ["hello", "goodbye"]).errors == 0
    assert clip_errors(clip("hello", "goodbye"), ["goodbye", "hello"]).errors == 2


@pytest.mark.parametrize(
    "heard", ["1 0 0 2", "1002", "one zero zero two", "one oh oh two", "1-0-0-2.", "One, oh, oh, two"]
)
def test_digits_are_compared_one_by_one(heard):
    errors = clip_errors(clip("one zero zero two", digits=True), [heard])

    assert (errors.reference_words, errors.errors) == (4, 0)


def test_the_reference_is_pooled_over_words_and_over_the_same_clips():
    long = score(clip("a b c d e f g h i j", rate=0.1), "a b c d e f g h i j")
    short = score(clip("yes", rate=1.0), "no")
    unrated = score(clip("something else"), "")

    pool = pooled_score([long, short, unrated])

    assert pool.reference_rate == pytest.approx((0.1 * 10 + 1.0 * 1) / 11)
    assert pool.difference_points == pytest.approx(100 * (1 / 11 - 2 / 11))
    assert pool.errors.errors == 3
    assert pooled_score([unrated]).difference_points is None


def lines(mode, scores):
    return {bar.name.split(": ")[1]: bar.reached for bar in bars(mode, scores)}


def test_bars_are_missed_by_too_many_errors():
    reference = clip(" ".join(["word"] * 100), rate=0.02)
    within = score(reference, " ".join(["word"] * 97))
    above = score(reference, " ".join(["word"] * 96))

    assert lines("recorded", [within])["word error rate above the reference"]
    assert not lines("recorded", [above])["word error rate above the reference"]
    assert lines("live", [above])["word error rate above the reference"]


def test_kinds_that_do_not_count_miss_no_word_error_bar():
    noisy = score(clip("word", kind="noisy", rate=0.0), "other")

    assert "word error rate above the reference" not in lines("live", [noisy])


def test_without_a_reference_rate_the_errors_are_not_judged_and_it_is_said():
    unknown, known = (score(clip("one two", rate=rate), "one two") for rate in (None, 0.1))

    assert unjudged("live", [unknown]) == "live: word error rate: no reference rate in the manifest: not judged"
    assert unjudged("live", [known]) is None


def test_words_in_silence_and_wrong_times_and_failures_miss_their_bars():
    silence = [score(clip("", kind="nospeech"), text) for text in ("thank you", "oh no")]
    assert not lines("live", silence)["words heard where nobody speaks"]
    assert lines("live", silence[:1])["words heard where nobody speaks"]

    late = score(clip("a b"), "a b", time_errors_s=(0.1, -0.2, 0.3))
    assert not lines("live", [late])["median error of word times"]
    assert lines("live", [score(clip("a b"), "a b", time_errors_s=(0.1, -0.1, 0.3))])["median error of word times"]
    assert not lines("live", [score(clip("a"), "a", time_faults=1)])["words whose times go back or leave the audio"]
    assert not lines("live", [score(clip("a"), "", failure="broken")])["recordings that failed"]


def test_tables_and_json_hold_every_clip():
    scores = [
        score(clip("a b c", rate=0.0), "a b", latencies_s=(0.2, 0.4), speech_latencies_s=(0.7, 0.9)),
        score(clip("", kind="nospeech"), ""),
    ]

    table = score_table("live", scores)
    assert table.row_count == 3
    assert [entry["file"] for entry in as_json({"live": scores})] == ["f", "f"]
    assert "p50 200 ms, p95 400 ms" in latency_line(scores)
    assert latency_line(scores[1:]) is None


def test_quantiles_by_nearest_rank():
    values = [5, 1, 4, 2, 3]

    assert [quantile(values, share) for share in (0.0, 0.2, 0.5, 0.95, 1.0)] == [1, 1, 3, 5, 5]
    assert quantile([], 0.5) is None
