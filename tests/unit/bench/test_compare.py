import pytest
from bench.peers.compare import difference_points, figures
from bench.report import Distribution

from josefine_text.wer import WordErrors


def row(system, streams, *errors, within=True, short=False):
    return {
        "system": system,
        "streams": streams,
        "within": within,
        "short": short,
        "after_end_s": Distribution.of([0.5 if within else 3.0]),
        "errors_by_recording": [(name, WordErrors(words, wrong)) for name, words, wrong in errors],
    }


def test_ours_are_compared_with_the_best_of_the_others():
    rows = [
        row("ours", 24, ("a", 10, 1)),
        row("x", 4, ("a", 10, 2)),
        row("y", 6, ("a", 10, 3)),
        row("y", 12, ("a", 10, 9), within=False),
        {"system": "z", "streams": 2, "failed": "no weights"},
    ]
    found = figures(rows, "ours")
    assert found["live_streams_by_system"] == {"ours": 24, "x": 4, "y": 6}
    assert found["streams_with_median_within_by_system"] == {"ours": 24, "x": 4, "y": 6}
    assert (found["best_peer"], found["live_ratio"]) == ("y", 4.0)
    assert found["wer_difference_points"] == pytest.approx(-20.0)


def test_error_rates_are_compared_over_recordings_that_both_have_heard_however_often():
    rows = [
        row("ours", 8, ("a", 10, 2), ("a", 10, 4), ("b", 30, 30)),
        row("x", 2, ("a", 10, 1), ("c", 5, 0)),
    ]
    assert difference_points(rows, "ours", "x") == (pytest.approx(20.0), 10)


def test_without_a_recording_in_common_nothing_is_said():
    assert difference_points([row("ours", 8, ("a", 10, 2)), row("x", 2, ("b", 10, 1))], "ours", "x") == (None, 0)


def test_where_no_peer_serves_one_stream_ours_are_compared_with_one():
    rows = [row("ours", 8, ("a", 10, 2)), row("x", 1, ("a", 10, 1), within=False)]
    assert figures(rows, "ours")["live_ratio"] == 8.0


def test_words_of_a_peer_that_is_never_within_the_bound_are_compared_all_the_same():
    rows = [
        row("ours", 8, ("a", 10, 2)),
        row("ours", 16, ("a", 10, 8), within=False),
        row("x", 1, ("a", 10, 1), within=False),
    ]
    assert difference_points(rows, "ours", "x") == (pytest.approx(10.0), 10)
