import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_gateway.console.rates import new_in_buckets, quantile, rates, summed
from josefine_gateway.console.reading import DeviceReading, Reading, StatusReading


def reading(at_s, records=0.0, dead=0.0, devices=(), **changes):
    values = {"josefine_stage_records_total": records, "josefine_stage_dead_letters_total": dead}
    return Reading(at_s, values=values, status=StatusReading(devices=devices), **changes)


def worked(busy_s, audio_s):
    return DeviceReading(device="cpu", busy_s=busy_s, audio_s=audio_s)


def test_rates_are_per_second():
    before = reading(10, records=100, dead=1, devices=(worked(5, 100),))
    now = reading(12, records=150, dead=2, devices=(worked(6, 160),))
    found = rates(before, now)
    assert (found.records_per_s, found.dead_letters_per_s) == (25, 0.5)
    assert (found.busy_share, found.pace) == ({"cpu": 0.5}, {"cpu": 60})


def test_counter_of_a_process_that_began_anew_counts_from_nothing():
    before = reading(10, records=100, devices=(worked(50, 1000),))
    found = rates(before, reading(12, records=6, devices=(worked(1, 40),)))
    assert (found.records_per_s, found.busy_share["cpu"], found.pace["cpu"]) == (3, 0.5, 40)


def test_batch_that_took_longer_than_the_time_between_two_looks_is_all_of_it():
    assert rates(reading(0, devices=(worked(0, 0),)), reading(1, devices=(worked(3, 9),))).busy_share == {"cpu": 1.0}


def test_idle_device_has_no_pace():
    found = rates(reading(0, devices=(worked(3, 9),)), reading(1, devices=(worked(3, 9),)))
    assert (found.busy_share, found.pace) == ({"cpu": 0.0}, {})


def test_no_rates_without_two_answers_or_time():
    assert rates(reading(5), reading(5)) is None
    assert rates(reading(5, problem="refused"), reading(6)) is None
    assert rates(reading(5), reading(6, problem="refused")) is None


def test_quantiles_are_linear_within_a_bucket_and_end_at_the_last_bound():
    buckets = {1.0: 0.0, 2.0: 10.0, 4.0: 20.0, math.inf: 20.0}
    assert [quantile(buckets, share) for share in (0.25, 0.5, 0.75, 1.0)] == [1.5, 2.0, 3.0, 4.0]
    assert quantile({1.0: 0.0, math.inf: 5.0}, 0.5) == 1.0
    assert quantile({}, 0.5) is None
    assert quantile({1.0: 0.0, math.inf: 0.0}, 0.5) is None


def test_what_is_new_in_a_histogram():
    assert new_in_buckets({1.0: 2, math.inf: 3}, {1.0: 5, math.inf: 7}) == {1.0: 3, math.inf: 4}
    assert new_in_buckets({1.0: 2, math.inf: 3}, {1.0: 1, math.inf: 4}) == {1.0: 1, math.inf: 4}
    assert new_in_buckets({}, {1.0: 1, math.inf: 4}) == {1.0: 1, math.inf: 4}
    assert summed([{1.0: 1, math.inf: 2}, {1.0: 3, math.inf: 4}]) == {1.0: 4, math.inf: 6}


@given(st.lists(st.floats(0, 9), min_size=1), st.lists(st.floats(0, 1), min_size=2).map(sorted))
def test_quantiles_grow_with_their_share_and_stay_within_the_bounds(durations, shares):
    bounds = (0.5, 1.0, 2.0, 8.0, math.inf)
    buckets = {bound: float(sum(duration <= bound for duration in durations)) for bound in bounds}
    found = [value for share in shares if (value := quantile(buckets, share)) is not None]
    assert found == sorted(found)
    assert all(value is not None and 0 <= value <= 8 for value in found)


@pytest.mark.parametrize("passed_s", [0.5, 3.0])
def test_rates_of_nothing_are_nothing(passed_s):
    found = rates(Reading(0.0), Reading(passed_s))
    assert (found.records_per_s, found.dead_letters_per_s, found.busy_share) == (0, 0, {})
