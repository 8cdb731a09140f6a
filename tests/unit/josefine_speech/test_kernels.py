"""What is compiled is found, and is told nothing wrong."""

import numpy as np
import pytest

from josefine_speech.kernels import library
from josefine_speech.kernels.library import BASELINE, Kernels, KernelsMissingError, best_kernels, instruction_sets
from josefine_speech.mel import LogMel
from josefine_speech.vad import VoiceActivity

SOUND = np.zeros(2_000, np.int16)


def test_the_best_instruction_set_is_taken():
    assert instruction_sets()[0] == BASELINE
    assert best_kernels().instruction_set == instruction_sets()[-1]


def test_what_was_not_built_is_said_with_its_mend(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "_HERE", tmp_path)
    with pytest.raises(KernelsMissingError, match=r"features-avx9000\.so.*make setup"):
        Kernels("avx9000")


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (1_601, 1), (0, 12), (0, -1)])
def test_mel_windows_lie_within_the_samples(kernels, first, count):
    log_mel = LogMel(80, kernels)
    assert len(log_mel(SOUND, [0, 1_600], [11, 1])) == 12
    with pytest.raises(ValueError, match="2000 samples"):
        log_mel(SOUND, [0, first], [1, count])


@pytest.mark.parametrize(("first", "count"), [(63, 1), (1_489, 1), (64, 4), (64, -1)])
def test_windows_of_voice_activity_lie_within_the_samples(random_weights, kernels, first, count):
    model, states = VoiceActivity(random_weights, kernels), np.zeros((2, 2, 128), np.float32)
    assert len(model(SOUND, [64, 1_488], [3, 1], [True, False], states)) == 4
    with pytest.raises(ValueError, match="2000 samples"):
        model(SOUND, [64, first], [1, count], [True, False], states)


@pytest.mark.parametrize("samples", [SOUND.astype(np.float32), SOUND[::2]])
def test_samples_are_of_16_bits_one_behind_the_other(kernels, samples):
    with pytest.raises(ValueError, match="16 bits"):
        LogMel(80, kernels)(samples, [0], [1])
