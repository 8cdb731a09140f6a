from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from josefine_inference.segmenter import Policy, Segmenter, hop_of, quietest

LIVE = Policy.of("LIVE", 500)
RECORDED = Policy.of("RECORDED", 0)
SMALL = Policy(endpoint_windows=6, max_hops=200, cut_from=2 / 3, quiet_windows=4, lead_hops=10, trail_windows=3)

runs = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.4, 0.45, 0.6, 0.9, 1.0]), st.integers(1, 40)), max_size=25)
policies = st.sampled_from([LIVE, RECORDED, SMALL])


def windows_of(shape):
    return [probability for probability, length in shape for _ in range(length)]


def segments_of(policy, probabilities, *, borders=(), lag_hops=0):
    """Hears the windows in pieces, the columns `lag_hops` behind them, then the end."""
    segmenter, closed, at = Segmenter(policy), [], 0
    total = hop_of(len(probabilities))
    for border in [*sorted(borders), len(probabilities)]:
        heard = total if border == len(probabilities) else max(0, hop_of(border) - lag_hops)
        closed += segmenter.hear(at, probabilities[at:border], heard)
        at = max(at, border)
    return [*closed, *segmenter.end()]


def speech(windows, probability=0.9):
    return [probability] * windows


def silence(windows):
    return [0.01] * windows


def borders_of(segments):
    return [(segment.number, segment.start_hop, segment.end_hop, segment.speech_final) for segment in segments]


@given(policies, runs, st.data())
def test_pieces_change_nothing(policy, shape, data):
    probabilities = windows_of(shape)
    borders = data.draw(st.lists(st.integers(0, len(probabilities)), max_size=10))
    lag_hops = data.draw(st.integers(0, 9))
    assert segments_of(policy, probabilities, borders=borders, lag_hops=lag_hops) == segments_of(policy, probabilities)


@given(policies, runs)
def test_segments_are_numbered_in_order_apart_and_bounded(policy, shape):
    probabilities = windows_of(shape)
    segments = segments_of(policy, probabilities)
    assert [segment.number for segment in segments] == list(range(len(segments)))
    for segment in segments:
        assert 0 <= segment.start_hop < segment.end_hop <= hop_of(len(probabilities))
        assert segment.hops <= policy.max_hops + 4
    for before, after in pairwise(segments):
        assert before.end_hop <= after.start_hop


@given(policies, runs)
def test_speech_is_covered(policy, shape):
    """Every stretch of speech that is long enough lies in a segment, whatever is around it."""
    probabilities = windows_of(shape)
    covered = set()
    for segment in segments_of(policy, probabilities):
        covered.update(range(segment.start_hop, segment.end_hop))
    at = 0
    for probability, length in shape:
        # A forced cut may leave less than the least on one side of it, which is then no segment.
        if probability >= policy.onset and length >= 2 * policy.min_speech_windows:
            hops = set(range(hop_of(at), hop_of(at + length)))
            allowed = hop_of(policy.min_speech_windows) * 2
            assert len(hops - covered) <= allowed
        at += length


@settings(max_examples=60)
@given(st.sampled_from([LIVE, SMALL]), runs, st.data())
def test_every_mark_gives_the_rest_again(policy, shape, data):
    probabilities = windows_of(shape)
    whole = segments_of(policy, probabilities)
    border = data.draw(st.integers(0, len(probabilities)))
    segmenter = Segmenter(policy)
    before = list(segmenter.hear(0, probabilities[:border], hop_of(border)))
    again = Segmenter(policy, segmenter.mark)
    # From an earlier window than needed: what the mark has heard is skipped.
    start = max(0, segmenter.mark.window - 3)
    after = [*again.hear(start, probabilities[start:], hop_of(len(probabilities))), *again.end()]
    assert [*before, *after] == whole


@given(runs)
def test_the_mark_of_a_segment_gives_it_again(shape):
    probabilities = windows_of(shape)
    for segment in segments_of(SMALL, probabilities):
        again = Segmenter(SMALL, segment.mark)
        rest = again.hear(segment.mark.window, probabilities[segment.mark.window :], hop_of(len(probabilities)))
        assert [*rest, *again.end()][0] == segment


def test_an_utterance_gets_lead_and_trail():
    (segment,) = segments_of(LIVE, silence(40) + speech(40) + silence(40))
    assert segment.start_hop == hop_of(40) - LIVE.lead_hops
    assert segment.end_hop == hop_of(80 + LIVE.trail_windows)
    assert segment.speech_final


def test_it_is_closed_as_soon_as_the_silence_is_long_enough():
    segmenter = Segmenter(LIVE)
    windows = speech(40) + silence(LIVE.endpoint_windows)
    assert not list(segmenter.hear(0, windows[:-1], hop_of(len(windows))))
    assert len(list(segmenter.hear(len(windows) - 1, windows[-1:], hop_of(len(windows))))) == 1


def test_hesitation_below_the_endpoint_keeps_it_open():
    pause = silence(LIVE.endpoint_windows - 1)
    assert len(segments_of(LIVE, speech(20) + pause + speech(20) + silence(30))) == 1


def test_a_click_is_no_segment():
    assert not segments_of(LIVE, silence(20) + speech(LIVE.min_speech_windows - 1) + silence(60))


def test_the_session_decides_the_endpoint():
    windows = speech(20) + silence(20) + speech(20)
    assert len(segments_of(Policy.of("LIVE", 300), windows)) == 2
    assert len(segments_of(Policy.of("LIVE", 1000), windows)) == 1


def test_a_long_live_segment_is_cut_where_it_is_quiet():
    windows = speech(450) + speech(6, probability=0.4) + speech(400)
    first, second = segments_of(LIVE, windows)
    assert first.end_hop == second.start_hop
    assert hop_of(449) <= first.end_hop <= hop_of(457)
    assert not first.speech_final
    assert second.speech_final


def test_speech_without_a_pause_is_cut_all_the_same():
    segments = segments_of(RECORDED, speech(4000))
    assert sum(segment.hops for segment in segments) == hop_of(4000)
    assert max(segment.hops for segment in segments) <= RECORDED.max_hops + 4


def test_recorded_windows_span_pauses_and_end_in_silence():
    pause = silence(30)
    assert len(segments_of(RECORDED, speech(100) + pause + speech(100) + pause)) == 1
    assert len(segments_of(RECORDED, speech(100) + silence(100) + speech(100))) == 2


def test_a_full_recorded_window_is_cut_in_the_longest_pause():
    windows = speech(500) + silence(20) + speech(200) + silence(8) + speech(400)
    first, _ = segments_of(RECORDED, windows)
    assert hop_of(500) <= first.end_hop <= hop_of(520)


def test_flush_closes_what_is_open_and_speech_goes_on_behind_it():
    segmenter = Segmenter(LIVE)
    assert not list(segmenter.hear(0, speech(30), hop_of(30)))
    (first,) = segmenter.flush()
    assert (first.end_hop, first.speech_final) == (hop_of(30), True)
    assert not list(segmenter.flush())
    (second,) = [*segmenter.hear(30, speech(30), hop_of(60)), *segmenter.end()]
    assert second.start_hop == first.end_hop


def test_a_hole_closes_what_is_open():
    segmenter = Segmenter(LIVE)
    list(segmenter.hear(0, speech(30), hop_of(30)))
    (before,) = segmenter.jump(100, hop_of(100))
    (after,) = [*segmenter.hear(100, speech(30), hop_of(130)), *segmenter.end()]
    assert before.end_hop == hop_of(30)
    assert after.start_hop == hop_of(100)


def test_a_segment_shows_itself_when_it_is_sure_to_become_one():
    segmenter = Segmenter(LIVE)
    list(segmenter.hear(0, speech(LIVE.min_speech_windows - 1), 1000))
    assert segmenter.open_hop is None
    list(segmenter.hear(LIVE.min_speech_windows - 1, speech(1), 1000))
    assert segmenter.open_hop == 0


def test_equally_quiet_places_are_cut_late():
    assert quietest([0.5] * 100, SMALL) == 98
