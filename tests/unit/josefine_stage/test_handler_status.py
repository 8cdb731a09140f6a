import json

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from josefine_stage.distribution import Distribution
from josefine_stage.metrics import HandlerStatus


def test_counts_of_a_distribution_are_cumulative_and_bounds_belong_to_their_bucket():
    distribution = Distribution((0.1, 1.0))
    for duration_s in (0.05, 0.1, 0.5, 7.0):
        distribution.observe(duration_s)
    assert json.loads(json.dumps(distribution.status())) == {"buckets": {"0.1": 2, "1.0": 3, "+Inf": 4}, "sum": 7.65}


def test_numbers_of_a_status_are_gauges_and_distributions_histograms():
    distribution = Distribution((0.1, 1.0))
    distribution.observe(0.5)
    status = {"windows": 3, "took_seconds": distribution.status(), "devices": [], "decoded": {"final": 1}}
    registry = CollectorRegistry()
    registry.register(HandlerStatus("inference", lambda: status))
    families = {one.name: one for one in text_string_to_metric_families(generate_latest(registry).decode())}
    assert {name: family.type for name, family in families.items()} == {
        "josefine_inference_windows": "gauge",
        "josefine_inference_took_seconds": "histogram",
    }
    samples = {
        (one.name.rpartition("_")[2], one.labels.get("le")): one.value
        for one in families["josefine_inference_took_seconds"].samples
    }
    assert samples == {
        ("bucket", "0.1"): 0,
        ("bucket", "1.0"): 1,
        ("bucket", "+Inf"): 1,
        ("count", None): 1,
        ("sum", None): 0.5,
    }
