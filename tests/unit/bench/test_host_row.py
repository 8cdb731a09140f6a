import pytest
from bench.host_row import verdict
from bench.report import Distribution


def row(**changes):
    quiet = {"ingest": 0.0, "feature": 0.1, "inference": 0.0}
    return {
        "late_p99_ms": 5.0,
        "cores_others": 0.02,
        "cores_stolen": 0.0,
        "failures": [],
        "fed": 0.99,
        "after_endpoint_s": Distribution.of([0.3, 0.4]),
        "lag_begin_s": quiet,
        "lag_end_s": quiet,
    } | changes


def test_a_row_in_which_nothing_is_amiss_is_fed():
    assert verdict(row()) == "fed"


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"fed": 0.949}, "idle"),
        ({"after_endpoint_s": Distribution.of([0.3, 1.5])}, "late"),
        ({"lag_end_s": {"ingest": 0.0, "feature": 0.7, "inference": 0.0}}, "behind: feature"),
        ({"failures": ["ingest: no"]}, "failed: ingest: no"),
        ({"late_p99_ms": 120.0, "fed": 0.5}, "refused"),
        ({"cores_others": 0.5, "fed": 0.5}, "refused"),
        ({"cores_stolen": 0.5, "fed": 0.5}, "refused"),
    ],
)
def test_what_is_amiss_is_said(changes, begins):
    assert verdict(row(**changes)).startswith(begins)
