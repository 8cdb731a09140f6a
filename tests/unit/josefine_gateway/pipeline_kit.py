"""Services that answer as the real ones do, without any."""

import json

import httpx
from prometheus_client import CollectorRegistry, generate_latest

from josefine_stage.distribution import Distribution
from josefine_stage.metrics import HandlerStatus, stage_metrics

BOUNDS_S = (0.1, 0.2, 0.4, 0.8)


class Service:
    """One process of a stage: set its numbers, and ask it over HTTP."""

    def __init__(self, stage="inference", **status):
        self.not_ready = None
        self.status = status
        self.finals = Distribution(BOUNDS_S)
        registry = CollectorRegistry()
        self.metrics = stage_metrics(registry)
        registry.register(HandlerStatus(stage, self._whole_status))
        self._registry = registry

    def answer(self, path):
        match path:
            case "/metrics":
                return httpx.Response(200, content=generate_latest(self._registry))
            case "/status":
                return httpx.Response(200, content=json.dumps(self._whole_status()))
            case _:
                return httpx.Response(503 if self.not_ready else 200, text=f"{self.not_ready or 'ok'}\n")

    def _whole_status(self):
        if "devices" not in self.status:
            return self.status
        return self.status | {"live_final_seconds": self.finals.status()}


def device(name="cpu", **changes):
    """A line of a device as inference's status has it."""
    line = {"device": name, "pid": 7, "restarts": 0, "batches": 1, "audio_s": 0.0, "busy_s": 0.0}
    return line | {"state": "working", "reason": "", "health": None} | changes


def client(services):
    """An HTTP client that reaches services by host name; a host that is none of them refuses."""

    def handler(request):
        if request.url.host not in services:
            raise httpx.ConnectError("refused", request=request)
        return services[request.url.host].answer(request.url.path)

    return httpx.AsyncClient(transport=httpx.MockTransport(handler))
