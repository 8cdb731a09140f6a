import numpy as np
import pytest

from josefine_cli.manifest import ReferenceSegment
from josefine_cli.sound_borders import RATE_HZ, trimmed


def tone(length_s, level=0.3):
    return (level * np.sin(2 * np.pi * 200 * np.arange(round(length_s * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def noise(length_s, level):
    return np.random.default_rng(0).normal(0, level, round(length_s * RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize("floor", [0.0, 0.001, 0.005])
def test_silence_and_room_noise_at_the_ends_are_cut_off(floor):
    sound = np.concatenate([noise(0.5, floor), tone(1.0), noise(0.2, floor), tone(0.5), noise(0.4, floor)])
    lead = noise(2.0, floor)
    segment = ReferenceSegment(2.0, 2.0 + len(sound) / RATE_HZ, "two sounds")

    cut = trimmed(segment, np.concatenate([lead, sound]))

    assert cut.start_s == pytest.approx(2.5, abs=0.03)
    assert cut.end_s == pytest.approx(4.2, abs=0.03)
    assert cut.text == "two sounds"


def test_a_click_is_no_sound_of_speech():
    sound = np.concatenate([noise(0.3, 0.0), tone(0.01, 0.9), noise(0.3, 0.0), tone(1.0), noise(0.1, 0.0)])

    cut = trimmed(ReferenceSegment(0.0, len(sound) / RATE_HZ, "x"), sound)

    assert cut.start_s == pytest.approx(0.61, abs=0.03)


def test_what_is_silent_altogether_stays_as_it_is():
    for segment in (ReferenceSegment(0.0, 0.001, "x"), ReferenceSegment(5.0, 6.0, "x")):
        assert trimmed(segment, np.zeros(RATE_HZ, np.float32)) == segment
