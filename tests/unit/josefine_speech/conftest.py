import numpy as np
import pytest

from josefine_speech.features import FeatureExtractor
from josefine_speech.kernels.library import Kernels, instruction_sets
from josefine_speech.mel import LogMel
from josefine_speech.vad import VoiceActivity


@pytest.fixture(scope="session")
def random_weights():
    """Silero VAD's shapes with its real spectrum and random layers, large enough for all of (0, 1)."""
    numbers = np.random.default_rng(7)
    waves = np.fft.rfft(np.diag(np.hanning(257)[:256])).T
    weights = {"stft_conv.weight": np.concatenate([waves.real, waves.imag])[:, None].astype(np.float32)}
    shapes = {
        "conv1": (128, 129, 3),
        "conv2": (64, 128, 3),
        "conv3": (64, 64, 3),
        "conv4": (128, 64, 3),
        "final_conv": (1, 128, 1),
    }
    for name, shape in shapes.items():
        scale = 2.0 / np.sqrt(shape[1] * shape[2])
        weights[f"{name}.weight"] = (scale * numbers.standard_normal(shape)).astype(np.float32)
        weights[f"{name}.bias"] = (0.1 * numbers.standard_normal(shape[0])).astype(np.float32)
    for name, shape in {"ih": (512, 128), "hh": (512, 128)}.items():
        weights[f"lstm_cell.weight_{name}"] = (0.15 * numbers.standard_normal(shape)).astype(np.float32)
        weights[f"lstm_cell.bias_{name}"] = (0.1 * numbers.standard_normal(512)).astype(np.float32)
    return weights


@pytest.fixture(scope="session", params=instruction_sets())
def kernels(request):
    """Those of each instruction set that this processor has."""
    return Kernels(request.param)


@pytest.fixture(scope="session")
def extractor(random_weights, kernels):
    return FeatureExtractor(LogMel(80, kernels), VoiceActivity(random_weights, kernels))


@pytest.fixture(scope="session")
def recording():
    """Three seconds that are loud, quiet, silent and clipped by turns, int16."""
    numbers = np.random.default_rng(11)
    times = np.arange(48_000) / 16_000
    tones = sum(np.sin(2 * np.pi * hz * times * (1 + 0.1 * times)) for hz in (110, 440, 2_500))
    loudness = np.repeat([3_000, 40, 0, 20_000, 700, 1], 8_000)
    noise = numbers.normal(0, 0.2, len(times))
    return np.clip(loudness * (tones + noise), -32_768, 32_767).astype("<i2")
