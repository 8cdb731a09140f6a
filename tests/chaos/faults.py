"""What can go wrong, as done to a running stack."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import redis
from fault_points import POINTS
from scene import Fault, Scene

from josefine_kafka.connection import Broker
from josefine_kafka.writers import AcknowledgedWriter
from josefine_wire import topics
from josefine_wire.codec import encode

BATCH_DEADLINE_S = 6.0
"""Least deadline of a batch in these stacks."""
SESSION_TIMEOUT_S = 6.0
"""After which a group takes a silent member's partitions away (josefine_local)."""
OUTAGE_S = 30.0

ROOT = Path(__file__).parents[2]

Noticed = Callable[[], bool] | None


def kill_child(scene: Scene) -> Noticed:
    before, child = scene.child_restarts(), scene.child()
    os.kill(child, signal.SIGKILL)
    return lambda: scene.child_restarts() > before


def stop_child(scene: Scene) -> Noticed:
    before, child = scene.child_restarts(), scene.child()
    os.kill(child, signal.SIGSTOP)
    return lambda: scene.child_restarts() > before


def kill(role: str) -> Callable[[Scene], Noticed]:
    def strike(scene: Scene) -> Noticed:
        before = scene.restarts(role)
        os.kill(scene.pid(role), signal.SIGKILL)
        return lambda: scene.restarts(role) > before

    return strike


def hang(role: str, seconds: float) -> Callable[[Scene], Noticed]:
    """Stops a process and lets it go on, which must not write what others have written meanwhile."""

    def strike(scene: Scene) -> Noticed:
        process = scene.stack.process(role)
        process.pause()
        scene.pause(seconds)
        process.resume()
        return None

    return strike


def zombie(role: str) -> Callable[[Scene], Noticed]:
    """Another replica takes the partitions of a stopped one, which then goes on."""

    def strike(scene: Scene) -> Noticed:
        with replica(scene, role):
            hang(role, 3 * SESSION_TIMEOUT_S)(scene)
            scene.pause(SESSION_TIMEOUT_S)
        return None

    return strike


def rebalance(role: str) -> Callable[[Scene], Noticed]:
    """A replica joins and leaves."""

    def strike(scene: Scene) -> Noticed:
        with replica(scene, role):
            scene.pause(6.0)
        return None

    return strike


def killed_at(role: str, point: str, calls: int) -> Callable[[Scene], Noticed]:
    """A second instance takes over partitions and kills itself at a point of the delivery guarantee."""

    def strike(scene: Scene) -> Noticed:
        process = started(scene, role, "tests/chaos/fault_points.py", role, point, str(calls))
        scene.wait_for(lambda: process.poll() is not None, f"{role} to kill itself: {point}")
        assert process.returncode == -signal.SIGKILL
        return None

    return strike


@contextmanager
def replica(scene: Scene, role: str) -> Iterator[None]:
    """Runs one more instance of a service."""
    process = started(scene, role, "-m", f"josefine_{role}")
    try:
        yield
    finally:
        process.terminate()
        status = process.wait(timeout=60)
    assert status == 0, f"the second {role} ended with status {status}"


def started(scene: Scene, role: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts one more instance of a service; its log lies beside the others."""
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": scene.stack.bootstrap_servers,
        "REDIS_URL": scene.stack.redis_url,
        "JOSEFINE_DELIVERY": scene.stack.delivery,
        "JOSEFINE_STATIC_MEMBERSHIP": "true" if scene.stack.broker == "kafka" else "false",
        "JOSEFINE_SESSION_TIMEOUT_MS": str(int(SESSION_TIMEOUT_S * 1000)),
        "JOSEFINE_INSTANCE_ID": f"{role}-{uuid.uuid4().hex[:6]}",
    }
    with (scene.stack.run_dir / "logs" / f"{role}-replica.log").open("a", encoding="utf-8") as log:
        return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stderr=log)


def flush_store(scene: Scene) -> Noticed:
    """Empties Redis and kills a stage, which has to do without its snapshots."""
    redis.Redis.from_url(scene.stack.redis_url).flushall()
    return kill("feature")(scene)


def flush_store_and_kill_inference(scene: Scene) -> Noticed:
    redis.Redis.from_url(scene.stack.redis_url).flushall()
    return kill("inference")(scene)


def store_unreachable_at_restart(scene: Scene) -> Noticed:
    """Redis hangs while a stage restarts and needs it."""
    store = scene.stack.process("store")
    store.pause()
    before = scene.restarts("ingest")
    os.kill(scene.pid("ingest"), signal.SIGKILL)
    scene.pause(OUTAGE_S)
    store.resume()
    return lambda: scene.restarts("ingest") > before


def step_clock(seconds: float) -> Callable[[Scene], Noticed]:
    """The wall clock of all services jumps and jumps back."""

    def strike(scene: Scene) -> Noticed:
        file = scene.stack.run_dir / "clock"
        file.write_text(str(seconds))
        scene.pause(5.0)
        file.write_text("0")
        return None

    return strike


def poison(make: Callable[[], list[tuple[str, bytes, bytes]]]) -> Callable[[Scene], Noticed]:
    """Publishes records that no stage can process, beside the good sessions."""

    def strike(scene: Scene) -> Noticed:
        broker = Broker(scene.stack.bootstrap_servers, {"log_level": "2"})
        writer = AcknowledgedWriter(broker)
        for topic, key, value in make():
            writer.send(topic, key, value)
        writer.flush(10.0)
        writer.close()
        return None

    return strike


def garbage() -> list[tuple[str, bytes, bytes]]:
    topics_ = (topics.AUDIO_RAW, topics.AUDIO_FRAMES, topics.FEATURE_FRAMES, topics.TRANSCRIPTS)
    return [(topic, uuid.uuid4().hex.encode(), os.urandom(200)) for topic in topics_ for _ in range(4)]


def unknown_schema() -> list[tuple[str, bytes, bytes]]:
    fingerprint = b"\xc3\x01" + bytes(8)
    return [(topics.AUDIO_RAW, uuid.uuid4().hex.encode(), fingerprint + os.urandom(40)) for _ in range(8)]


def nan_features() -> list[tuple[str, bytes, bytes]]:
    return [_features(np.full((100, 80), np.nan, np.float16).tobytes()) for _ in range(4)]


def wrong_lengths() -> list[tuple[str, bytes, bytes]]:
    return [_features(b"\x00" * 1001) for _ in range(4)]


def _features(log_mel: bytes) -> tuple[str, bytes, bytes]:
    session_id = uuid.uuid4().hex
    record = {
        "session_id": session_id,
        "channel": 0,
        "channels": 1,
        "sequence": 0,
        "session_started_at": 1_790_000_000_000,
        "captured_at": 0,
        "gaps": [],
        "start": None,
        "flush": False,
        "end": None,
        "start_hop": 0,
        "mels": 80,
        "log_mel": log_mel,
        "start_window": 0,
        "speech_probability": b"",
    }
    key = topics.channel_key(session_id, 0)
    return topics.FEATURE_FRAMES, key.encode(), encode(topics.FEATURE_FRAMES, record)


FAULTS = [
    Fault("SIGKILL of the device child", kill_child, detect_within_s=1.0),
    Fault("device child hangs (SIGSTOP)", stop_child, detect_within_s=5 * BATCH_DEADLINE_S),
    Fault("SIGKILL of inference", kill("inference"), detect_within_s=2.0),
    Fault("SIGKILL of ingest", kill("ingest"), detect_within_s=2.0),
    Fault("SIGKILL of feature", kill("feature"), detect_within_s=2.0),
    Fault("SIGKILL of nlu", kill("nlu"), detect_within_s=2.0),
    Fault("inference stopped past its session timeout", hang("inference", 2 * SESSION_TIMEOUT_S)),
    Fault("ingest stopped past its session timeout", hang("ingest", 2 * SESSION_TIMEOUT_S)),
    Fault("inference a zombie beside its successor", zombie("inference")),
    Fault("feature a zombie beside its successor", zombie("feature")),
    *(
        Fault(f"{role} killed: {point}", killed_at(role, point, calls), needs_kafka=True)
        for role, calls in (("ingest", 2), ("inference", 1))
        for point in POINTS
    ),
    Fault("inference replica joins and leaves", rebalance("inference")),
    Fault("ingest replica joins and leaves", rebalance("ingest")),
    Fault("SIGKILL of the broker", kill("broker"), needs_kafka=True),
    Fault("broker does not answer for 30 s", hang("broker", OUTAGE_S), needs_kafka=True),
    Fault("SIGKILL of Redis, which keeps its data", kill("store"), detect_within_s=2.0),
    Fault("Redis flushed, then SIGKILL of feature", flush_store, detect_within_s=2.0),
    Fault("Redis flushed, then SIGKILL of inference", flush_store_and_kill_inference, detect_within_s=2.0),
    Fault("Redis does not answer for 30 s", hang("store", OUTAGE_S)),
    Fault("Redis does not answer while ingest restarts", store_unreachable_at_restart),
    Fault("the clock jumps an hour ahead and back", step_clock(3600.0)),
    Fault("the clock jumps an hour back and ahead", step_clock(-3600.0)),
    Fault("poison: garbage bytes", poison(garbage)),
    Fault("poison: unknown schema", poison(unknown_schema)),
    Fault("poison: features of a wrong length", poison(wrong_lengths)),
    Fault("poison: features that are not numbers", poison(nan_features)),
]
QUICK = ("SIGKILL of the device child", "SIGKILL of inference", "Redis flushed, then SIGKILL of feature")
"""What every run of the tests does."""
