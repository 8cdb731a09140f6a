import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from josefine_whisper.context import (
    MORE_SILENCE_HOPS,
    SILENCE_HOPS,
    ContextPolicy,
    SilenceStore,
    policy,
    score_bias,
    window_hops,
)
from josefine_whisper.encoding import WindowEncoder

SHORT, FULL = ContextPolicy(short_safe=True), ContextPolicy(short_safe=False)
all_hops = st.integers(1, 3000)


@given(all_hops, st.sampled_from([SILENCE_HOPS, MORE_SILENCE_HOPS]))
def test_a_window_holds_the_audio_and_silence_behind_it(hops, silence_hops):
    encoded = window_hops(hops, SHORT, silence_hops)
    assert encoded % 2 == 0
    assert encoded == 3000 or encoded >= hops + silence_hops


@given(all_hops)
def test_the_full_window_where_asked_for_or_needed(hops):
    assert window_hops(hops, SHORT, 3000) == 3000
    assert window_hops(hops, FULL, SILENCE_HOPS) == 3000


@given(all_hops)
def test_stand_ins_weigh_as_much_as_what_was_not_encoded(hops):
    encoded = window_hops(hops, SHORT, SILENCE_HOPS)
    assert sum(math.exp(bias) for bias in score_bias(encoded)) == pytest.approx(1500)


def test_policy_is_known_by_the_models_shape(dimensions):
    assert policy(dimensions).short_safe


def log_mel(hops, seed=0):
    return np.random.default_rng(seed).uniform(-9, 1, size=(hops, 4)).astype(np.float16)


def test_silence_is_computed_once_a_level(model):
    store = SilenceStore(model.encoder, 4)
    with torch.inference_mode():
        first = store.behind(log_mel(50), 96)
        assert store.behind(log_mel(70, seed=1), 96).encoded.data_ptr() == first.encoded.data_ptr()
        louder = store.behind(log_mel(50) + 2, 96)
    assert not torch.equal(louder.encoded, first.encoded)


def test_a_longer_window_needs_fewer_stand_ins(model):
    store = SilenceStore(model.encoder, 4)
    with torch.inference_mode():
        assert len(store.behind(log_mel(50), 96).encoded) == 100
        assert len(store.behind(log_mel(1990), 2048).encoded) == len(score_bias(2048)) - 1024 < 100


def test_a_short_window_of_silence_is_the_full_one(model):
    """Where everything is silence, the stand-ins are exact but for their position."""
    model.encoder.positions.zero_()
    silence = np.full((60, 4), -10.0, dtype=np.float16)
    encoder = WindowEncoder(model.encoder, 4, SHORT)
    (short,), (full,) = encoder.encode([(silence, SILENCE_HOPS)]), encoder.encode([(silence, 3000)])
    assert len(short) < len(full) == 1500
    own = short.states[5:58]
    # The first and last positions feel the edges of the convolution.
    torch.testing.assert_close(own, full.states[5:6].expand(len(own), -1), atol=0.02, rtol=0)


def test_windows_come_back_in_their_order(model):
    windows = [(log_mel(hops, seed=hops), SILENCE_HOPS) for hops in (400, 30, 390, 3000, 31)]
    encoder = WindowEncoder(model.encoder, 4, SHORT)
    together = encoder.encode(windows)
    for window, one in zip(windows, together, strict=True):
        (alone,) = encoder.encode([window])
        torch.testing.assert_close(one.states, alone.states)
        assert torch.equal(one.bias, alone.bias)
