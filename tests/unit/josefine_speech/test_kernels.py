"""What is compiled is found, and is told nothing wrong."""

import ctypes
import platform
from pathlib import Path

import numpy as np
import pytest

from josefine_speech import grid
from josefine_speech.kernels import library, tables
from josefine_speech.kernels.library import BASELINE, Kernels, KernelsMissingError, best_kernels, instruction_sets
from josefine_speech.kernels.tables import MelTable
from josefine_speech.mel import LogMel, mel_filters
from josefine_speech.vad import VoiceActivity
from josefine_wire.positions import HOP_SAMPLES, VAD_WINDOW_SAMPLES

CPUINFO = Path("/proc/cpuinfo")
SOUND = np.zeros(2_000, np.int16)


def test_the_best_instruction_set_is_taken():
    assert instruction_sets()[0] == BASELINE
    assert best_kernels().instruction_set == instruction_sets()[-1]


@pytest.mark.skipif(platform.machine() != "x86_64" or not CPUINFO.exists(), reason="asks Linux on x86-64")
def test_the_system_says_of_the_processor_what_was_found():
    flags = set(CPUINFO.read_text().partition("flags")[2].partition("\n")[0].split())
    v3 = {"avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"} <= flags
    v4 = v3 and {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= flags
    assert ("x86_64_v3" in instruction_sets(), "x86_64_v4" in instruction_sets()) == (v3, v4)


def test_python_and_the_kernels_mean_the_same_structures(kernels):
    facts = (ctypes.c_int32 * 7).in_dll(library._library(kernels.instruction_set), "josefine_facts")
    table = mel_table()
    assert list(facts) == [
        ctypes.sizeof(table.structure),
        ctypes.sizeof(tables._Voice),
        tables.PANEL,
        tables.WIDEST,
        HOP_SAMPLES,
        VAD_WINDOW_SAMPLES,
        grid.VAD_CONTEXT_SAMPLES,
    ]


def mel_table():
    return MelTable(np.ones(400), mel_filters(80))


@pytest.mark.parametrize("mels", [8, 40, 1_600])
def test_mel_bands_that_the_kernels_cannot_handle_are_refused(mels):
    with pytest.raises(ValueError, match=f"{mels} mel bands"):
        LogMel(mels)


def test_a_transform_that_the_kernels_cannot_do_is_refused():
    with pytest.raises(ValueError, match="factors"):
        MelTable(np.ones(6 * 7), mel_filters(80))


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


@pytest.mark.parametrize(
    "states",
    [
        np.zeros((1, 2, 128), np.float32),
        np.zeros((2, 2, 128)),
        np.zeros((2, 2, 256), np.float32)[:, :, ::2],
        np.frombuffer(bytes(2 * 2 * 128 * 4), np.float32).reshape(2, 2, 128),
    ],
    ids=["too few", "float64", "with gaps", "read-only"],
)
def test_states_are_what_the_kernels_write(random_weights, kernels, states):
    with pytest.raises(ValueError, match=r"float32 \[2, 2, 128\]"):
        VoiceActivity(random_weights, kernels)(SOUND, [64, 64], [1, 1], [True, True], states)


@pytest.mark.parametrize(("counts", "begins"), [([1, 1, 1], [True, True]), ([1, 1], [True])])
def test_each_sequence_has_its_place_and_its_count(random_weights, kernels, counts, begins):
    with pytest.raises(ValueError, match="2 first windows"):
        VoiceActivity(random_weights, kernels)(SOUND, [64, 64], counts, begins, np.zeros((2, 2, 128), np.float32))


@pytest.mark.parametrize("samples", [SOUND.astype(np.float32), SOUND[::2]])
def test_samples_are_of_16_bits_one_behind_the_other(kernels, samples):
    with pytest.raises(ValueError, match="16 bits"):
        LogMel(80, kernels)(samples, [0], [1])
