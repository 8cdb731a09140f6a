"""Log-mel against independent formulas."""

import numpy as np
import pytest

from josefine_speech.features import FeatureExtractor, Stream, Stretch
from josefine_speech.mel import LogMel, mel_filters


def reference(samples, mels):
    """openai/whisper, audio.py, log_mel_spectrogram before its clamp, with 30 s of silence behind; torch's STFT."""
    torch = pytest.importorskip("torch")
    audio = torch.nn.functional.pad(torch.tensor(samples.astype(np.float64) / 32_768), (0, 480_000))
    window = torch.hann_window(400, dtype=torch.float64)
    power = torch.stft(audio, 400, 160, window=window, return_complex=True)[..., :-1].abs() ** 2
    mel = torch.tensor(slow_filters(mels)) @ power
    return torch.clamp(mel, min=1e-10).log10().numpy().T[: -(-len(samples) // 160)]


def slow_filters(mels):
    """Slaney's filters, one by one: librosa.filters.mel(sr=16000, n_fft=400, n_mels=mels)."""

    def hz(mel):
        return mel * 200 / 3 if mel < 15 else 1000 * np.exp((mel - 15) * np.log(6.4) / 27)

    top = 15 + 27 * np.log(8) / np.log(6.4)
    edges = [hz(top * i / (mels + 1)) for i in range(mels + 2)]
    filters = np.zeros((mels, 201))
    for band in range(mels):
        low, centre, high = edges[band : band + 3]
        for bin_ in range(201):
            rise, fall = (bin_ * 40 - low) / (centre - low), (high - bin_ * 40) / (high - centre)
            filters[band, bin_] = max(0.0, min(rise, fall)) * 2 / (high - low)
    return filters


@pytest.mark.parametrize("mels", [80, 128])
def test_filters_are_slaneys(mels):
    np.testing.assert_allclose(mel_filters(mels).T, slow_filters(mels), atol=1e-12)


def test_filters_have_the_values_that_whisper_ships():
    filters = mel_filters(80)
    # Spot values of whisper/assets/mel_filters.npz, mel_80.
    assert filters[1, 0] == pytest.approx(0.02486259, abs=1e-7)
    assert filters[2, 1] == pytest.approx(0.02287, abs=1e-4)
    assert (filters.sum(axis=0) > 0).all()


@pytest.mark.parametrize("mels", [80, 128])
def test_whole_recording_is_whispers_mel(extractor, kernels, recording, mels):
    extractor = FeatureExtractor(LogMel(mels, kernels), extractor._voice_activity)
    (features,) = extractor.extract([Stretch(Stream(), recording.tobytes(), end=True)])
    want = reference(recording, mels)
    assert features.log_mel.shape == want.shape == (300, mels)
    rounding = np.spacing(np.abs(want).astype(np.float16)).astype(np.float64) / 2
    assert (np.abs(features.log_mel.astype(np.float64) - want) <= 1e-3 + rounding).all()


@pytest.mark.parametrize("samples", [1, 2, 159, 160, 161, 199, 200, 201, 360, 511, 512, 513])
def test_short_recordings(extractor, recording, samples):
    short = recording[:samples]
    (features,) = extractor.extract([Stretch(Stream(), short.tobytes(), end=True)])
    assert len(features.speech_probability) == -(-samples // 512)
    np.testing.assert_allclose(features.log_mel.astype(np.float64), reference(short, 80), atol=5e-3)


@pytest.mark.parametrize("mels", [80, 128])
def test_every_filter_has_all_its_bins(recording, kernels, mels):
    windows = np.lib.stride_tricks.sliding_window_view(recording, 400)[::160]
    phase = 2 * np.pi * np.arange(400) / 400
    powers = np.abs(np.fft.rfft(windows / 32_768 * (0.5 - 0.5 * np.cos(phase)))) ** 2
    want = np.log10(np.maximum(powers @ mel_filters(mels), 1e-10))
    columns = LogMel(mels, kernels)(recording, [0], [len(windows)])
    np.testing.assert_allclose(columns.astype(np.float64), want, rtol=6e-4, atol=1e-6)


def test_a_pure_tone_leaves_nothing_that_whisper_would_see(kernels):
    tone = np.round(32_767 * np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000)).astype(np.int16)
    columns = LogMel(80, kernels)(tone, [0], [97]).astype(np.float64)
    # Whisper's column 2 is then centred on sample 200 of the tone.
    want = reference(np.concatenate([np.zeros(120, np.int16), tone]), 80)[2:99]
    seen = want > want.max() - 8
    assert 0 < seen.sum() < seen.size
    np.testing.assert_allclose(columns[seen], want[seen], atol=0.01)
    assert columns[~seen].max() < want.max() - 7.9


def test_silence_is_the_floor(kernels):
    assert (LogMel(80, kernels)(np.zeros(1_000, np.int16), [0], [3]) == np.float16(-10)).all()


def test_a_column_does_not_depend_on_the_others(recording, kernels):
    log_mel = LogMel(80, kernels)
    starts = range(0, 47_000, 97)
    together = log_mel(recording, list(starts), [1] * len(starts))
    for count in (1, 2, 3, 15, 16, 17, 255, 257):
        assert log_mel(recording, list(starts[:count]), [1] * count).tobytes() == together[:count].tobytes()
        assert log_mel(recording, list(starts[-count:]), [1] * count).tobytes() == together[-count:].tobytes()


def test_nothing_gives_nothing(kernels):
    log_mel = LogMel(80, kernels)
    assert log_mel(np.empty(0, np.int16), [], []).shape == (0, 80)
    assert log_mel(np.empty(0, np.int16), [-200, 70], [0, 0]).shape == (0, 80)
