"""/metrics, /livez, /readyz and /status of a stage, served from threads of their own.

The loop publishes what it knows (`beat`); the server only reads it, so a probe never waits for the loop.
"""

import contextlib
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from josefine_stage.clock import Clock
from josefine_stage.errors import ConfigurationError

LIVE_WITHIN_S = 90.0
"""A loop that has not turned for so long is stuck: a turn makes at most three calls with the broker's deadline."""


class Health:
    """What the loop last said of itself. Written by the loop's thread, read by the server's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beat_s: float | None = None
        """None until the loop turns: what comes before, a download perhaps, takes as long as it takes."""
        self._not_ready: str | None = "starting"
        self._status: Mapping[str, Any] = {}

    def beat(self, not_ready: str | None, status: Mapping[str, Any]) -> None:
        """Says that the loop turned; `not_ready` is None or one readable reason."""
        self._beat_s, self._not_ready, self._status = self._clock.monotonic_s(), not_ready, status

    def stuck(self) -> str | None:
        """Returns why the process should be restarted, or None."""
        silent_s = 0.0 if self._beat_s is None else self._clock.monotonic_s() - self._beat_s
        return f"the loop has not turned for {silent_s:.0f} s" if silent_s > LIVE_WITHIN_S else None

    def not_ready(self) -> str | None:
        """Returns why no work should be expected, or None."""
        return self.stuck() or self._not_ready

    def status(self) -> Mapping[str, Any]:
        """Returns what the handler says of itself."""
        return self._status


class HealthServer:
    """The HTTP server; use as a context."""

    def __init__(self, host: str, port: int, health: Health, registry: CollectorRegistry) -> None:
        """Listens at once.

        Raises:
            ConfigurationError: the port is taken or may not be used.
        """
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(health, registry))
        except OSError as error:
            raise ConfigurationError(f"JOSEFINE_METRICS_PORT={port}: {error.strerror}; choose another") from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(health: Health, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
                case "/livez":
                    self._verdict(health.stuck())
                case "/readyz":
                    self._verdict(health.not_ready())
                case "/status":
                    self._answer(200, json.dumps(dict(health.status())).encode(), "application/json")
                case _:
                    self._answer(404, b"have /metrics, /livez, /readyz, /status\n", "text/plain")

        def _verdict(self, problem: str | None) -> None:
            self._answer(503 if problem else 200, f"{problem or 'ok'}\n".encode(), "text/plain")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            # A probe that has timed out is gone before its answer; the next one will hear it.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes come every few seconds; they are not news."""

    return Handler
