"""A stage that is killed again and again, on real brokers: nothing lost; on Apache Kafka nothing twice."""

import itertools
import os
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_totals import chunk

from josefine_kafka.connection import Broker
from josefine_kafka.tail import TopicTail
from josefine_kafka.writers import AcknowledgedWriter
from josefine_wire import topics
from josefine_wire.codec import decode, encode

SESSIONS, KILLS, DEADLINE_S = 10, 4, 90.0
SERVICE = Path(__file__).with_name("totals_service.py")


class Replica:
    """One service process, killed and started again under the same name."""

    def __init__(self, stack: Any, kind: str) -> None:
        self._name = f"totals-{uuid.uuid4().hex[:8]}"
        self._environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "REDIS_URL": stack.redis_url,
            "JOSEFINE_INSTANCE_ID": "one",
            "JOSEFINE_SNAPSHOT_INTERVAL_S": "0.3",
            "JOSEFINE_SESSION_TIMEOUT_MS": "6000",
            "JOSEFINE_DELIVERY": "exactly_once" if kind == "kafka" else "at_least_once",
            "JOSEFINE_STATIC_MEMBERSHIP": "true" if kind == "kafka" else "false",
        }
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen([sys.executable, str(SERVICE), self._name], env=self._environment)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(timeout=60)


@pytest.fixture(params=["kafka", "tansu"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stack(kind: str, broker_of_kind: Callable[[str], Any]) -> Any:
    return broker_of_kind(kind)


@pytest.fixture
def replica(stack: Any, kind: str) -> Iterator[Replica]:
    running = Replica(stack, kind)
    yield running
    running.kill()


@pytest.mark.slow
def test_killed_in_the_middle_of_anything(stack: Any, kind: str, replica: Replica) -> None:
    broker, choose = Broker(stack.bootstrap_servers), random.Random(7)
    tail, writer = TopicTail(broker, [topics.AUDIO_FRAMES], "end"), AcknowledgedWriter(broker)
    sessions = [f"{uuid.uuid4().hex}" for _ in range(SESSIONS)]
    expected: dict[tuple[str, int], int] = {}
    totals = dict.fromkeys(sessions, 0)
    seen: Counter[tuple[str, int]] = Counter()
    values: dict[tuple[str, int], int] = {}
    kills, next_kill = 0, 20
    deadline_s = time.monotonic() + DEADLINE_S
    for sequence in itertools.count():
        publishing = kills < KILLS
        for session in sessions if publishing else ():
            value = choose.choice([1, 2, 3, 101, 103])
            totals[session] += value
            expected[session, sequence] = totals[session]
            record = chunk(session, sequence, bytes([value]), at_ms=int(time.time() * 1000))
            writer.send(topics.AUDIO_RAW, session.encode(), encode(topics.AUDIO_RAW, record))
        for raw in tail.poll(0.05):
            frame = decode(topics.AUDIO_FRAMES, raw.value)
            place = (frame["session_id"], frame["sequence"])
            if place[0] in totals:
                seen[place] += 1
                values[place] = frame["start_sample"]
        # Killed when results flow: in the middle of work, not of start-up.
        if publishing and len(seen) >= next_kill:
            replica.kill()
            replica.start()
            kills, next_kill = kills + 1, len(seen) + choose.randrange(50, 300)
            deadline_s = time.monotonic() + DEADLINE_S
        if not publishing and len(seen) == len(expected):
            break
        assert time.monotonic() < deadline_s, f"{len(expected) - len(seen)} results missing after {kills} kills"
    assert values == expected
    if kind == "kafka":
        assert set(seen.values()) == {1}, "read_committed readers see each result once"
    assert replica.stop() == 0
    tail.close()
    writer.close()


def test_a_missing_broker_is_one_readable_line() -> None:
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "JOSEFINE_BROKER_TIMEOUT_S": "1"}
    done = subprocess.run(
        [sys.executable, str(SERVICE), "x"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "josefine: no broker answers at 127.0.0.1:1" in done.stderr


def test_a_wrong_setting_is_one_readable_line_and_status_2() -> None:
    environment = {**os.environ, "JOSEFINE_DELIVERY": "maybe", "JOSEFINE_POLL_RECORDS": "none"}
    done = subprocess.run(
        [sys.executable, str(SERVICE), "x"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 2
    assert "JOSEFINE_DELIVERY" in lines[0]
    assert "JOSEFINE_POLL_RECORDS" in lines[1]
