"""Configurations that cannot work: one readable line and exit status 2, from a real service on a real broker."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from deadlines import wait_until
from running_totals import chunk

from josefine_kafka.backlog import StageBacklog
from josefine_kafka.connection import Broker
from josefine_kafka.writers import AcknowledgedWriter
from josefine_stage.errors import BrokerError
from josefine_wire import topics
from josefine_wire.codec import encode

SERVICE = Path(__file__).with_name("totals_service.py")
DEADLINE_S = 60.0
RECORDS_AHEAD = 20
"""In one partition: more than a running stage leaves for later, of 20 a second that are written to all of them."""


class Stage:
    """Starts processes of one stage, and ends them after the test."""

    def __init__(self, stack: Any, folder: Path) -> None:
        self.name = f"totals-{uuid.uuid4().hex[:8]}"
        self._stack, self._folder = stack, folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, **environment: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Returns a process and the file of its standard error."""
        log = self._folder / f"{len(self.processes)}.log"
        named = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self._stack.bootstrap_servers,
            "REDIS_URL": self._stack.redis_url,
            "JOSEFINE_INSTANCE_ID": "one",
            "JOSEFINE_SESSION_TIMEOUT_MS": "6000",
            **environment,
        }
        with log.open("wb") as errors:
            process = subprocess.Popen([sys.executable, str(SERVICE), self.name], env=named, stderr=errors)
        self.processes.append(process)
        return process, log


@pytest.fixture
def stage(broker_of_kind: Callable[[str], Any], tmp_path: Path) -> Iterator[Stage]:
    running = Stage(broker_of_kind("kafka"), tmp_path)
    yield running
    for process in running.processes:
        process.kill()
        process.wait()


@pytest.fixture
def traffic(broker_of_kind: Callable[[str], Any]) -> Iterator[None]:
    """Records that never end: only who commits can be fenced."""
    writer, over = AcknowledgedWriter(Broker(broker_of_kind("kafka").bootstrap_servers)), threading.Event()

    def write() -> None:
        while not over.wait(0.05):
            session = uuid.uuid4().hex
            record = chunk(session, 0, b"\x01", end=True, at_ms=int(time.time() * 1000))
            writer.send(topics.AUDIO_RAW, session.encode(), encode(topics.AUDIO_RAW, record))
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    yield
    over.set()
    thread.join()


def _complaint(log: Path) -> str:
    """Returns the one line that is for people."""
    [line] = [line for line in log.read_text().splitlines() if line.startswith("josefine: ")]
    return line


def test_without_a_name_there_is_no_transactional_id(stage: Stage) -> None:
    process, log = stage.start(JOSEFINE_INSTANCE_ID="")
    assert process.wait(DEADLINE_S) == 2
    assert "JOSEFINE_INSTANCE_ID" in _complaint(log)


def test_two_processes_of_one_name(stage: Stage, traffic: None) -> None:
    first, log = stage.start()
    wait_until(lambda: "partitions_assigned" in log.read_text())
    second, log_of_second = stage.start()
    assert first.wait(DEADLINE_S) == 2, log.read_text()
    assert "JOSEFINE_INSTANCE_ID" in _complaint(log)
    assert second.poll() is None, log_of_second.read_text()


def test_a_store_that_remembers_a_later_life_of_the_group(
    stage: Stage, traffic: None, broker_of_kind: Callable[[str], Any]
) -> None:
    store = redis.Redis.from_url(broker_of_kind("kafka").redis_url)
    committed = StageBacklog(Broker(broker_of_kind("kafka").bootstrap_servers), stage.name, topics.AUDIO_RAW)
    wait_until(lambda: committed.records() > RECORDS_AHEAD, not_yet=BrokerError)
    first, _ = stage.start()
    wait_until(lambda: committed.records() < RECORDS_AHEAD)
    first.terminate()
    assert first.wait(DEADLINE_S) == 0
    store.hset(f"josefine:{stage.name}", "epoch", str(10**9))
    process, log = stage.start()
    assert process.wait(DEADLINE_S) == 2
    assert "REDIS_URL" in _complaint(log)


def test_a_group_that_has_never_committed_may_begin_anew(stage: Stage, broker_of_kind: Callable[[str], Any]) -> None:
    """Kafka forgets an empty group without offsets within minutes, the store does not."""
    store = redis.Redis.from_url(broker_of_kind("kafka").redis_url)
    store.hset(f"josefine:{stage.name}", "epoch", str(10**9))
    process, log = stage.start()
    wait_until(lambda: int(store.hget(f"josefine:{stage.name}", "epoch") or 0) < 10**9)
    assert process.poll() is None, log.read_text()
