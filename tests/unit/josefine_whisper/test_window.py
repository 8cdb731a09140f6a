import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from josefine_whisper.window import LOG_FLOOR, normalise, silence_level

log_mels = hnp.arrays(
    np.float16, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(-10, 4, width=16)
)


def reference(log_mel: np.ndarray, hops: int) -> np.ndarray:
    """openai/whisper's order: the silence is there first, then the clamp, then the scale."""
    padded = np.full((hops, log_mel.shape[1]), LOG_FLOOR, dtype=np.float32)
    padded[: len(log_mel)] = log_mel
    padded = np.maximum(padded, padded.max() - 8.0)
    return ((padded + 4.0) / 4.0).T


@given(log_mels, st.integers(0, 20))
def test_equals_the_reference_that_pads_before_it_clamps(log_mel, extra_hops):
    hops = len(log_mel) + extra_hops
    np.testing.assert_allclose(normalise(log_mel, hops), reference(log_mel, hops), atol=1e-6)


@given(log_mels)
def test_leaves_the_request_alone(log_mel):
    before = log_mel.copy()
    normalise(log_mel, len(log_mel))
    np.testing.assert_array_equal(log_mel, before)


def test_silence_is_80_db_below_the_loudest_bin():
    assert silence_level(np.array([[1.0, -9.0]])) == -7.0


def test_silence_of_a_silent_window_is_the_floor():
    assert silence_level(np.full((3, 2), -9.5)) == LOG_FLOOR
    assert silence_level(np.empty((0, 2))) == LOG_FLOOR
