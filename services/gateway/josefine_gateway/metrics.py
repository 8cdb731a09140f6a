"""What the gateway measures, in one typed list."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class GatewayMetrics:
    """The metrics of one replica."""

    connections: Gauge
    sessions: Counter
    closes: Counter
    requests: Counter
    answer: Histogram
    audio: Counter


def gateway_metrics(registry: CollectorRegistry) -> GatewayMetrics:
    """Returns the metrics, registered."""
    r = registry
    return GatewayMetrics(
        connections=Gauge("josefine_gateway_connections", "Live connections now.", registry=r),
        sessions=Counter("josefine_gateway_sessions", "Sessions begun or gone on with.", ["how"], registry=r),
        closes=Counter("josefine_gateway_closes", "Live connections ended.", ["code"], registry=r),
        requests=Counter("josefine_gateway_requests", "Requests answered.", ["route", "status"], registry=r),
        answer=Histogram("josefine_gateway_answer_seconds", "Time to answer a recording.", buckets=SECONDS, registry=r),
        audio=Counter("josefine_gateway_audio_bytes", "Bytes of audio taken from live connections.", registry=r),
    )
