import pytest
from pipeline_kit import Service, device

from josefine_gateway.console.reading import ReadingError, read_metrics, read_status


def test_metrics_of_a_stage_are_read_with_labels_summed_up():
    service = Service(devices=[])
    service.metrics.lag.set(12)
    service.metrics.records.inc(5)
    service.metrics.dead_letters.labels("refused").inc(2)
    service.metrics.dead_letters.labels("after_end").inc(1)
    service.metrics.handling.observe(1)
    service.finals.observe(0.3)
    values, buckets = read_metrics(service.answer("/metrics").text)
    assert values["josefine_stage_lag_records"] == 12
    assert values["josefine_stage_records_total"] == 5
    assert values["josefine_stage_dead_letters_total"] == 3
    assert buckets == {0.1: 0, 0.2: 0, 0.4: 1, 0.8: 1, float("inf"): 1}
    assert not [name for name in values if "handling" in name]


def test_metrics_of_another_program_are_no_numbers():
    assert read_metrics("# HELP up Whether.\n# TYPE up gauge\nup 1\n") == ({}, {})
    assert read_metrics("") == ({}, {})


def test_metrics_that_are_none_are_refused():
    with pytest.raises(ReadingError, match="/metrics"):
        read_metrics("josefine_stage_lag_records many\n")


def test_status_is_read_for_what_is_shown():
    status = read_status(Service(devices=[device("cuda:0", restarts=3)], live_streams=2).answer("/status").text)
    assert [(line.device, line.restarts) for line in status.devices] == [("cuda:0", 3)]
    assert (status.live_streams, status.stream_capacity) == (2, None)
    assert read_status("{}").devices == ()


@pytest.mark.parametrize(
    "text", ["", "[]", "<html>", '{"devices": 3}', '{"devices": [{}]}', '{"live_streams": "many"}']
)
def test_status_that_is_none_is_refused_and_says_why(text):
    with pytest.raises(ReadingError, match="/status"):
        read_status(text)
