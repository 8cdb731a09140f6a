import msgpack
import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from made_audio import speechlike

from josefine_audio.resampler import Resampler

RATES = (8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)


def resample(pieces: list[np.ndarray], rate_hz: int, block_s: float = 0.1) -> np.ndarray:
    resampler = Resampler(rate_hz, pieces[0].shape[1], block_s)
    return np.concatenate([*(resampler.push(piece) for piece in pieces), resampler.flush()])


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("block_s", [0.1, 1.0])
def test_blocks_equal_the_whole_signal(rate_hz: int, block_s: float) -> None:
    noise = np.random.default_rng(1).standard_normal((3 * rate_hz + 17, 1)) * 0.1
    whole = soxr.resample(noise.astype(np.float32), rate_hz, 16_000, "HQ")
    blocks = resample([noise.astype(np.float32)], rate_hz, block_s)
    assert len(blocks) == -(-len(noise) * 16_000 // rate_hz)
    # White noise over the whole band; half a step of rounding and a hundred-thousandth of full scale.
    difference = blocks[: len(whole)] - whole[: len(blocks)] * 32768.0
    assert np.abs(difference).max() < 1.0


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_a_tone_keeps_its_time(rate_hz: int) -> None:
    time_s = np.arange(2 * rate_hz)[:, None] / rate_hz
    tone = resample([(0.5 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)], rate_hz)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(tone)) / 16_000)
    middle = slice(400, -400)
    assert np.abs(tone[middle, 0] / 32768.0 - expected[middle]).max() < 1e-4


@settings(max_examples=25, deadline=None)
@given(
    rate_hz=st.sampled_from((8_000, 11_025, 44_100, 48_000, 8_001)),
    channels=st.integers(1, 2),
    cuts=st.lists(st.integers(0, 12_000), max_size=8),
)
def test_how_the_input_arrives_does_not_matter(rate_hz: int, channels: int, cuts: list[int]) -> None:
    signal = speechlike(1.3, rate_hz, channels)
    pieces = np.split(signal, sorted(cut % len(signal) for cut in cuts))
    np.testing.assert_array_equal(resample(pieces, rate_hz), resample([signal], rate_hz))


@settings(max_examples=25, deadline=None)
@given(rate_hz=st.sampled_from((8_000, 44_100, 48_000)), cut=st.integers(1, 12_000), flushed=st.booleans())
def test_a_stored_state_goes_on(rate_hz: int, cut: int, flushed: bool) -> None:
    signal = speechlike(1.6, rate_hz)
    first, second = signal[:cut], signal[cut:]
    before = Resampler(rate_hz, 1, 0.1)
    out = [before.push(first)] + ([before.flush()] if flushed else [])
    after = Resampler(rate_hz, 1, 0.1)
    after.restore(msgpack.unpackb(msgpack.packb(before.state())))
    assert after.held_samples == before.held_samples
    np.testing.assert_array_equal(after.push(second), before.push(second))
    np.testing.assert_array_equal(after.flush(), before.flush())
    assert len(out[-1]) <= 2 * 16_000


def test_a_flush_leaves_no_sample_out_and_none_twice() -> None:
    signal = speechlike(2.0, 48_000)
    resampler = Resampler(48_000, 1, 0.1)
    pieces = []
    for piece in np.split(signal, [100, 7_777, 30_000]):
        pieces += [resampler.push(piece), resampler.flush()]
        assert resampler.held_samples == 0
    joined, whole = np.concatenate(pieces), resample([signal], 48_000)
    assert len(joined) == len(whole)
    # Only the samples just before a flush lack their right margin.
    assert np.mean(joined != whole) < 0.05


def test_16_khz_passes_untouched() -> None:
    signal = speechlike(0.5, 16_000, 2)
    assert resample([signal[:777], signal[777:]], 16_000).tobytes() == signal.tobytes()


def test_one_sample_is_kept() -> None:
    assert len(resample([np.full((1, 1), 1000, np.int16)], 48_000)) == 1


def test_memory_does_not_grow() -> None:
    resampler = Resampler(48_000, 1, 0.1)
    second = speechlike(1.0, 48_000)
    sizes = []
    for _ in range(20):
        resampler.push(second)
        sizes.append(len(msgpack.packb(resampler.state())))
    assert max(sizes) - min(sizes) < 16
    assert max(sizes) < 0.15 * 48_000 * 4
