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
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from deadlines import wait_until
from running_totals import chunk

from josefine_kafka.connection import Broker
from josefine_kafka.tail import TopicTail
from josefine_kafka.writers import AcknowledgedWriter
from josefine_wire import topics
from josefine_wire.codec import decode, encode

SESSIONS, KILLS, DEADLINE_S = 10, 4, 90.0
MANY_TURNS = 20
SERVICE = Path(__file__).with_name("totals_service.py")


class Replica:
    """One service process, killed and started again under the same name."""

    def __init__(self, stack: Any, kind: str, name: str = "", log: Path | None = None, **environment: str) -> None:
        self.stage = name or f"totals-{uuid.uuid4().hex[:8]}"
        self._log = log
        self._environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "REDIS_URL": stack.redis_url,
            "JOSEFINE_INSTANCE_ID": "one",
            "JOSEFINE_SNAPSHOT_INTERVAL_S": "0.3",
            "JOSEFINE_SESSION_TIMEOUT_MS": "6000",
            "JOSEFINE_DELIVERY": "exactly_once" if kind == "kafka" else "at_least_once",
            "JOSEFINE_STATIC_MEMBERSHIP": "true" if kind == "kafka" else "false",
            **environment,
        }
        self.start()

    def start(self) -> None:
        with nullcontext() if self._log is None else self._log.open("w") as out:
            command = [sys.executable, str(SERVICE), self.stage]
            self._process = subprocess.Popen(command, env=self._environment, stdout=out, stderr=out)

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


class Late(NamedTuple):
    """A replica that waits beside one that works, until there is a file."""

    replica: Replica
    ready: Path
    log: Path
    members_are: Callable[..., Callable[[], bool]]
    """How to see whether the replicas of these names, and no others, are in the group."""


@pytest.fixture
def late(broker_of_kind: Callable[[str], Any], tmp_path: Path) -> Iterator[Late]:
    stack, ready, log = broker_of_kind("kafka"), tmp_path / "ready", tmp_path / "log"
    first = Replica(stack, "kafka")
    with ExitStack() as replicas:
        replicas.callback(first.kill)
        wait_until(members_are(stack, first, "one"), within_s=DEADLINE_S, not_yet=KafkaException)
        second = Replica(stack, "kafka", first.stage, log, JOSEFINE_INSTANCE_ID="two", JOSEFINE_TEST_READY=str(ready))
        replicas.callback(second.kill)
        wait_until(lambda: waited_turns(ready) >= MANY_TURNS, within_s=DEADLINE_S)
        yield Late(second, ready, log, partial(members_are, stack, first))


@pytest.mark.slow
def test_a_replica_that_cannot_work_yet_takes_nothing_from_those_who_can(late: Late) -> None:
    assert late.members_are("one")()
    late.ready.touch()
    wait_until(late.members_are("one", "two"), within_s=DEADLINE_S)
    assert "joins_when_ready" in late.log.read_text()


@pytest.mark.slow
def test_a_replica_that_waits_to_join_can_be_stopped(late: Late) -> None:
    assert late.replica.stop() == 0
    assert '"stage_stopped"' in late.log.read_text()


@pytest.mark.slow
def test_a_replica_that_comes_back_takes_its_partitions_before_it_can_work(
    broker_of_kind: Callable[[str], Any], tmp_path: Path
) -> None:
    stack, ready, log = broker_of_kind("kafka"), tmp_path / "ready", tmp_path / "log"
    remembered = {"JOSEFINE_SESSION_TIMEOUT_MS": "60000"}  # its former life, until it is back
    ready.touch()
    first = Replica(stack, "kafka", **remembered)
    with ExitStack() as replicas:
        replicas.callback(first.kill)
        wait_until(members_are(stack, first, "one"), within_s=DEADLINE_S, not_yet=KafkaException)
        own = {"JOSEFINE_INSTANCE_ID": "two", "JOSEFINE_TEST_READY": str(ready), **remembered}
        second = Replica(stack, "kafka", first.stage, log, **own)
        replicas.callback(second.kill)
        wait_until(lambda: '"partitions_assigned"' in log.read_text(), within_s=DEADLINE_S)
        second.kill()
        ready.unlink()
        second.start()
        wait_until(lambda: '"partitions_assigned"' in log.read_text(), within_s=DEADLINE_S)
        assert "joins_when_ready" not in log.read_text()


@pytest.mark.slow
def test_a_replica_that_is_alone_joins_before_it_can_work(broker_of_kind: Callable[[str], Any], tmp_path: Path) -> None:
    stack = broker_of_kind("kafka")
    alone = Replica(stack, "kafka", JOSEFINE_TEST_READY=str(tmp_path / "never"))
    try:
        wait_until(members_are(stack, alone, "one"), within_s=DEADLINE_S, not_yet=KafkaException)
        assert alone.stop() == 0
    finally:
        alone.kill()


def waited_turns(ready: Path) -> int:
    """Returns how often a replica that is not ready has turned."""
    turns = Path(f"{ready}.turns")
    return turns.stat().st_size if turns.exists() else 0


def members_are(stack: Any, replica: Replica, *names: str) -> Callable[[], bool]:
    """Returns how to see whether these replicas, and no others, are in the group of the replica's stage."""
    group, wanted = f"josefine-{replica.stage}", {f"{replica.stage}-{name}" for name in names}
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})

    def holds() -> bool:
        found = admin.describe_consumer_groups([group])[group].result(DEADLINE_S).members
        return {member.group_instance_id for member in found} == wanted

    return holds


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
