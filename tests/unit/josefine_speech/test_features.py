"""Chunking and batching never change the features, byte for byte."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from josefine_speech import grid
from josefine_speech.features import Stream, Stretch

WHOLE = {}


def whole(extractor, samples):
    """Features of a recording in one call on its own."""
    key = extractor, samples.tobytes()
    if key not in WHOLE:
        (WHOLE[key],) = extractor.extract([Stretch(Stream(), samples.tobytes(), end=True)])
    return WHOLE[key]


@st.composite
def cut_recordings(draw):
    """Start and length of a piece of the recording, and the lengths it is cut into."""
    start = draw(st.sampled_from([0, 7_900, 16_000, 23_500]))
    length = draw(st.one_of(st.sampled_from([0, 1, 200, 201, 575, 24_000]), st.integers(0, 24_000)))
    sizes = st.one_of(st.integers(0, 700), st.integers(0, 5_000), st.sampled_from([0, 1, 160, 200, 512, 1_600]))
    cuts, left = [], length
    while left > 0 and len(cuts) < 60:
        cuts.append(min(left, draw(sizes)))
        left -= cuts[-1]
    return start, length, [*cuts, left]


@settings(max_examples=15, deadline=None)
@given(st.lists(cut_recordings(), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_cuts_and_company_do_not_matter(extractor, recording, cut, random):
    streams = [Stream() for _ in cut]
    waiting = [list(cuts) for _, _, cuts in cut]
    places = [start for start, _, _ in cut]
    got = [([], []) for _ in cut]
    while any(waiting):
        chosen = [i for i, cuts in enumerate(waiting) if cuts and random.random() < 0.7]
        random.shuffle(chosen)
        stretches = []
        for i in chosen:
            size = waiting[i].pop(0)
            stretches.append(Stretch(streams[i], recording[places[i] : places[i] + size].tobytes(), not waiting[i]))
            places[i] += size
        for i, features in zip(chosen, extractor.extract(stretches), strict=True):
            assert features.first_hop == sum(map(len, got[i][0]))
            assert features.first_window == sum(map(len, got[i][1]))
            assert len(features.stream.tail) <= 1_150
            got[i][0].append(features.log_mel)
            got[i][1].append(features.speech_probability)
            streams[i] = features.stream
    for (start, length, _), (columns, probabilities), stream in zip(cut, got, streams, strict=True):
        want = whole(extractor, recording[start : start + length])
        assert np.concatenate(columns).tobytes() == want.log_mel.tobytes()
        assert np.concatenate(probabilities).tobytes() == want.speech_probability.tobytes()
        assert stream.voice == want.stream.voice
        assert len(want.log_mel) == -(-length // 160)
        assert len(want.speech_probability) == -(-length // 512)


@given(st.integers(0, 100_000))
def test_what_is_kept_is_what_is_needed(samples):
    first = grid.needed_from(samples)
    assert 0 <= samples - first <= 575
    assert first == 0 or first <= 160 * grid.hops_ready(samples) - 200
    assert grid.hops_ready(samples) <= grid.hops_total(samples)
    # The column to come is the first that lacks a sample.
    last = 160 * grid.hops_ready(samples) + 200
    assert samples < max(last, 201)


def test_columns_that_are_not_wanted_are_left_out(extractor, recording):
    full = whole(extractor, recording)
    (part,) = extractor.extract([Stretch(Stream(), recording.tobytes(), end=True, first_hop=77)])
    assert part.first_hop == 77
    assert part.log_mel.tobytes() == full.log_mel[77:].tobytes()
    assert part.speech_probability.tobytes() == full.speech_probability.tobytes()
    (none,) = extractor.extract([Stretch(Stream(), recording.tobytes(), end=True, first_hop=9_999)])
    assert len(none.log_mel) == 0
    assert none.first_hop == 300


def test_after_a_jump_it_goes_on_as_from_silence(extractor, recording):
    position = 16_000 * 60 + 77
    (jumped,) = extractor.extract([Stretch(Stream.silent_until(position), recording.tobytes(), end=True)])
    silence_before = bytes(2 * position) + recording.tobytes()
    (filled,) = extractor.extract([Stretch(Stream(), silence_before, end=True)])
    assert jumped.first_hop == grid.hops_ready(position)
    assert jumped.first_window == grid.windows_ready(position)
    assert jumped.log_mel.tobytes() == filled.log_mel[jumped.first_hop :].tobytes()


def test_no_streams(extractor):
    assert extractor.extract([]) == []
