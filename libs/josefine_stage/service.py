"""The entry of every service: settings, logging, health, signals, and the loop until SIGTERM.

The one module of this library that knows which broker and store there are.
"""

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any, NoReturn, TypeVar

import structlog
from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from josefine_kafka.ports import KafkaPorts
from josefine_kafka.writers import Compression
from josefine_stage.clock import SystemClock
from josefine_stage.errors import ConfigurationError, FencedError, StageError
from josefine_stage.handler import Handler
from josefine_stage.health import Health, HealthServer
from josefine_stage.heap import bound_heap
from josefine_stage.joining import await_ready
from josefine_stage.logs import configure_logging
from josefine_stage.metrics import HandlerStatus, stage_metrics
from josefine_stage.ports import Ports
from josefine_stage.runtime import Runtime, RuntimeOptions
from josefine_stage.settings import StageSettings
from josefine_state.name_tag import NameTag
from josefine_state.store import RedisStore

SettingsT = TypeVar("SettingsT", bound=BaseSettings)
log = structlog.get_logger()


def settings_from_environment(kind: type[SettingsT]) -> SettingsT:
    """Returns the service's settings.

    Raises:
        SystemExit: status 2 after one readable line a problem.
    """
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors():
            where = "_".join(str(part) for part in problem["loc"]).upper()
            name = where if where.startswith(("JOSEFINE_", "KAFKA_", "REDIS_")) else f"JOSEFINE_{where}"
            _say(f"{name}: {problem['msg']} (is {problem['input']!r})")
        raise SystemExit(2) from error


def serve(
    stage: str,
    input_topic: str,
    settings: StageSettings,
    build: Callable[[], Handler[Any]],
    *,
    compression: Compression = "lz4",
) -> NoReturn:
    """Runs the stage until SIGTERM or SIGINT; exit status 0, 1 for a crash, 2 for a wrong configuration.

    compression: Of what it writes; "none" where that is sound.

    Raises:
        SystemExit: always.
    """
    configure_logging(settings.log_level, {"stage": stage, "instance": settings.instance_id})
    stop = threading.Event()
    bound_heap(stop)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        _run(stage, lambda: KafkaPorts(stage, input_topic, settings, compression), settings, build, stop)
    except ConfigurationError as error:
        _say(str(error))
        raise SystemExit(2) from error
    except StageError as error:
        log.exception("stage_crashed", kind=type(error).__name__)
        _say(str(error))
        raise SystemExit(1) from error
    raise SystemExit(0)


def _run(
    stage: str,
    connect: Callable[[], KafkaPorts],
    settings: StageSettings,
    build: Callable[[], Handler[Any]],
    stop: threading.Event,
) -> None:
    registry, clock = CollectorRegistry(), SystemClock()
    health = Health(clock)
    registry.register(HandlerStatus(stage, health.status))
    with _health_server(settings, health, registry):
        name = NameTag(settings.redis_url, stage, settings.instance_id, settings.snapshot_ttl_s)
        if not name.sign():
            log.warning("name_not_signed", reason="Redis does not answer")
        ports = connect()
        store = RedisStore(settings.redis_url, stage, settings.snapshot_ttl_s)
        log.info("stage_started", delivery=settings.delivery, brokers=settings.kafka_bootstrap_servers)
        handler = build()
        with ExitStack() as unless_joined:
            unless_joined.callback(handler.close)
            await_ready(handler, ports, health, clock, stop)
            if stop.is_set():
                log.info("stage_stopped")
                return
            unless_joined.pop_all()
        runtime = Runtime(
            handler,
            Ports(ports.open_reader, ports.unit, ports.loose, store, clock),
            _options(stage, settings),
            stage_metrics(registry),
            health,
        )
        try:
            runtime.run(stop)
        except FencedError as error:
            if not name.taken():
                raise
            raise ConfigurationError(
                f"{error}: another process with JOSEFINE_INSTANCE_ID={settings.instance_id} has taken over; every"
                " replica of a service needs a name of its own"
            ) from error
    log.info("stage_stopped")


def _health_server(
    settings: StageSettings, health: Health, registry: CollectorRegistry
) -> AbstractContextManager[object]:
    if settings.metrics_port == 0:
        return nullcontext()
    return HealthServer(settings.metrics_host, settings.metrics_port, health, registry)


def _options(stage: str, settings: StageSettings) -> RuntimeOptions:
    return RuntimeOptions(
        stage=stage,
        poll_records=settings.poll_records,
        commit_interval_s=settings.commit_interval_ms / 1000,
        snapshot_interval_s=settings.snapshot_interval_s,
        dead_letters_per_minute=settings.dead_letters_per_minute,
    )


def _say(line: str) -> None:
    sys.stderr.write(f"josefine: {line}\n")
