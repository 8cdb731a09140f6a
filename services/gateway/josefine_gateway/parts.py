"""What a replica is made of, put together once at start."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from josefine_gateway.access.allowances import Allowances, OwnAllowances, SharedOrOwn
from josefine_gateway.access.keys import Door, KeySettings, door
from josefine_gateway.access.limits import Limits, Replica, ReplicaLimits
from josefine_gateway.access.resume_secret import resume_secret
from josefine_gateway.access.resume_token import ResumeTokens
from josefine_gateway.background import Background
from josefine_gateway.bus.board import ResultBoard
from josefine_gateway.bus.look_back import LookBack
from josefine_gateway.bus.writer import LogWriter
from josefine_gateway.listen.served import Served
from josefine_gateway.listen.sessions import Sessions
from josefine_gateway.metrics import GatewayMetrics, gateway_metrics
from josefine_gateway.outward.allow_list import allow_list
from josefine_gateway.outward.callbacks import CallbackLimits, Callbacks
from josefine_gateway.outward.fetch import Fetcher, FetchLimits
from josefine_gateway.settings import GatewaySettings
from josefine_kafka.admin import require_topics
from josefine_kafka.connection import Broker
from josefine_kafka.stretch import LogReader
from josefine_kafka.tail import TopicTail
from josefine_kafka.writers import AcknowledgedWriter
from josefine_stage.clock import SystemClock
from josefine_state.allowances import SharedAllowances
from josefine_state.line import Line
from josefine_wire.topics import DEAD_LETTERS, TRANSCRIPTS, UNDERSTANDING

RESULTS = (TRANSCRIPTS, UNDERSTANDING, DEAD_LETTERS)


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a route may need. The event loop's, but for what says otherwise."""

    settings: GatewaySettings
    writer: LogWriter
    board: ResultBoard
    look_back: LookBack
    door: Door
    allowances: Allowances
    limits: Limits
    tokens: ResumeTokens
    served: Served
    metrics: GatewayMetrics
    sessions: Sessions
    fetcher: Fetcher
    callbacks: Callbacks
    background: Background
    draining: threading.Event = field(default_factory=threading.Event)
    """No new sessions."""

    def not_ready(self, stale_s: float) -> str | None:
        """Returns why nothing should be sent here, or None."""
        if self.draining.is_set():
            return "draining"
        if not self.writer.alive():
            return "the log is not written"
        silent_s = self.board.silent_s()
        return f"results have not been read for {silent_s:.0f} s" if silent_s > stale_s else None

    def status(self) -> Mapping[str, Any]:
        """Returns what the replica says of itself."""
        return {
            "live_sessions": len(self.sessions),
            "parked_sessions": self.sessions.parked,
            "sessions": self.limits.replica.sessions,
            "under_way_bytes": self.limits.replica.bytes,
        }


@contextmanager
def open_parts(settings: GatewaySettings, registry: CollectorRegistry) -> Iterator[Parts]:
    """Yields the parts, connected; frees them afterwards.

    Raises:
        ConfigurationError: the settings make no sense, or topics are missing.
        BrokerError: no broker answers.
    """
    broker = Broker(settings.kafka_bootstrap_servers, settings.kafka_extra, settings.broker_timeout_s)
    line = Line(settings.redis_url)
    opened = _door(settings, line)
    allowed = allow_list(settings.fetch_hosts)
    require_topics(broker)
    writer = LogWriter(lambda: AcknowledgedWriter(broker, compression="none"), settings.broker_timeout_s)
    board = ResultBoard(_tails(broker), SystemClock())
    board.start()
    writer.start()
    try:
        yield Parts(
            settings=settings,
            writer=writer,
            board=board,
            look_back=LookBack(LogReader(broker)),
            door=opened,
            allowances=(allowances := SharedOrOwn(SharedAllowances(line), OwnAllowances())),
            limits=Limits(allowances, Replica(ReplicaLimits(settings.max_sessions, settings.max_under_way_bytes))),
            tokens=ResumeTokens(resume_secret(settings.secret or None, line), settings.resume_token_ttl_s),
            served=Served(settings.model, settings.models, pii_kinds=frozenset(settings.pii_kinds)),
            metrics=gateway_metrics(registry),
            sessions=Sessions(settings.resume_window_s),
            fetcher=Fetcher(allowed, FetchLimits(settings.max_upload_bytes)),
            callbacks=Callbacks(allowed, CallbackLimits()),
            background=Background(),
        )
    finally:
        writer.close()
        board.close()
        line.close()


def _door(settings: GatewaySettings, line: Line) -> Door:
    in_redis = settings.api_keys == "redis"
    file = Path(settings.api_keys) if settings.api_keys and not in_redis else None
    return door(KeySettings(settings.http_host, file, line if in_redis else None, settings.open_access))


def _tails(broker: Broker) -> Callable[[int | None], TopicTail]:
    return lambda since_ms: TopicTail(broker, RESULTS, "end" if since_ms is None else since_ms)
