"""From settings to a server that serves until it is told to end, and leaves nobody without an answer."""

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from josefine_client.errors import BrokerTroubleError
from josefine_gateway.app import build_app
from josefine_gateway.parts import Parts, open_parts
from josefine_gateway.protocol import PatientProtocol
from josefine_gateway.settings import GatewaySettings
from josefine_gateway.websocket_protocol import PlainSpokenWebSocket
from josefine_stage.clock import SystemClock
from josefine_stage.errors import ConfigurationError, StageError
from josefine_stage.health import Health, HealthServer
from josefine_stage.logs import configure_logging

BEAT_S = 1.0
_BACKLOG = 2048
STALE_S = 90.0
"""The result topics were not read for so long: longer than a broker takes to be restarted."""
log = structlog.get_logger()


def run(settings: GatewaySettings) -> NoReturn:
    """Serves until SIGTERM or SIGINT; exit status 0, 1 for a crash, 2 for a wrong configuration.

    Raises:
        SystemExit: always.
    """
    configure_logging(settings.log_level, {"stage": "gateway", "instance": settings.instance_id})
    try:
        _run(settings)
    except ConfigurationError as error:
        _say(str(error))
        raise SystemExit(2) from error
    except (StageError, BrokerTroubleError) as error:
        _say(str(error))
        raise SystemExit(1) from error
    raise SystemExit(0)


def _run(settings: GatewaySettings) -> None:
    registry, health = CollectorRegistry(), Health(SystemClock())
    with _health_server(settings, health, registry), open_parts(settings, registry) as parts:
        server, listening = Server(parts, settings, health), list(_listening(settings))
        log.info("gateway_started", host=settings.http_host, port=settings.http_port)
        server.run(listening)
    log.info("gateway_stopped")


def _listening(settings: GatewaySettings) -> Iterator[socket.socket]:
    """Yields the sockets that clients connect to, one for each address of the host."""
    host, port = settings.http_host, settings.http_port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((family, address[:2]) for family, *_, address in found):
            yield socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        wrong = f"JOSEFINE_HTTP_HOST={host}, JOSEFINE_HTTP_PORT={port}: cannot listen there ({error.strerror})"
        raise ConfigurationError(f"{wrong}; choose another") from error


@contextmanager
def _health_server(settings: GatewaySettings, health: Health, registry: CollectorRegistry) -> Iterator[None]:
    if settings.metrics_port == 0:
        yield
        return
    with HealthServer(settings.metrics_host, settings.metrics_port, health, registry):
        yield


class Server(uvicorn.Server):
    """uvicorn, which tells its clients before it closes."""

    def __init__(self, parts: Parts, settings: GatewaySettings, health: Health) -> None:
        super().__init__(_config(parts, settings))
        self._parts = parts
        self._health = health

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._beats = asyncio.ensure_future(self._beat())
        self._keeping = asyncio.ensure_future(self._parts.allowances.keep())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._health.beat("draining", {})
        for listening in self.servers:
            listening.close()
        self._parts.draining.set()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                await self._parts.sessions.drain()
        except TimeoutError:
            log.warning("sessions_not_told", sessions=len(self._parts.sessions))
        await super().shutdown(sockets)
        await self._parts.background.drain(self.config.timeout_graceful_shutdown or 0.0)
        await self._parts.callbacks.drain(self.config.timeout_graceful_shutdown or 0.0)
        await self._parts.fetcher.close()
        for task in (self._beats, self._keeping):
            task.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler
        # A second Ctrl-C does not wait; a second SIGTERM is an orchestrator's habit.
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def _beat(self) -> None:
        """Says that the loop turns, and whether the log can be written and read."""
        while True:
            self._health.beat(self._parts.not_ready(STALE_S), self._parts.status())
            await asyncio.sleep(BEAT_S)


def _config(parts: Parts, settings: GatewaySettings) -> uvicorn.Config:
    return uvicorn.Config(
        build_app(parts),
        host=settings.http_host,
        port=settings.http_port,
        http=PatientProtocol.with_deadline(settings.slow_sender_s),
        ws=PlainSpokenWebSocket,
        ws_max_size=settings.max_frame_bytes,
        ws_max_queue=16,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        # Audio does not shrink, and a compressor a connection costs 300 KiB.
        ws_per_message_deflate=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(settings.drain_s),
        ssl_certfile=str(settings.tls_certificate) if settings.tls_certificate else None,
        ssl_keyfile=str(settings.tls_key) if settings.tls_key else None,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


def _say(line: str) -> None:
    sys.stderr.write(f"josefine: {line}\n")
