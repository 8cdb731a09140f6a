import pytest

from josefine_inference.pace import FIRST_GUESS_HOPS_PER_S, LEAST_AHEAD_HOPS, Pace
from josefine_inference.port import DeviceStatus


def line(audio_s, busy_s, device="cpu"):
    return DeviceStatus(device, 7, 0, audio_s=audio_s, busy_s=busy_s)


def test_nothing_is_known_before_something_was_measured():
    pace = Pace()
    assert pace.stream_capacity() == 0
    pace.look([line(0.0, 0.0)])
    assert pace.hops_per_s == FIRST_GUESS_HOPS_PER_S
    pace.look([line(50.0, 1.0)])
    assert pace.stream_capacity() == 0  # a second is too little to refuse anybody for


def test_the_pace_follows_the_devices():
    pace = Pace()
    for second in range(1, 60):
        pace.look([line(100.0 * second, float(second))])
    assert 9_000 < pace.hops_per_s < 10_001
    assert 30 <= pace.stream_capacity() <= 33  # of a hundred: with more finals wait for each other
    slow_from = 100.0 * 59
    for second in range(1, 60):
        pace.look([line(slow_from + 10.0 * second, 59.0 + second)])
    assert 999 < pace.hops_per_s < 1_300


def test_devices_add_up_and_the_slowest_bounds_a_batch():
    pace = Pace()
    for second in range(1, 100):
        pace.look([line(100.0 * second, float(second), "a"), line(10.0 * second, float(second), "b")])
    assert 10_900 < pace.hops_per_s < 11_300
    assert pace.ahead_of_final_hops() == LEAST_AHEAD_HOPS


def test_two_devices_of_one_name_are_measured_apart():
    pace = Pace()
    for second in range(1, 100):
        pace.look([line(100.0 * second, float(second)), line(10.0 * second, float(second))])
    assert 10_900 < pace.hops_per_s < 11_100


def test_nothing_of_the_guess_is_left_when_somebody_may_be_refused():
    pace = Pace()
    for step in range(1, 5):
        pace.look([line(5.0 * step, 0.5 * step)])
    assert pace.hops_per_s == pytest.approx(1_000)
    assert pace.stream_capacity() == 3


def test_the_first_measurements_count_by_the_time_they_took():
    pace = Pace()
    pace.look([line(10.0, 1.0)])
    pace.look([line(130.0, 4.0)])
    assert pace.hops_per_s == pytest.approx(13_000 / 4)


def test_interims_thin_out_with_what_waits():
    pace = Pace()
    assert pace.interim_stretch(0) == 1
    assert pace.interim_stretch(int(FIRST_GUESS_HOPS_PER_S)) == 3
