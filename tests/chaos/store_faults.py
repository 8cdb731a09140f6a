"""Redis, emptied, or deaf at the wrong moment."""

import os
import signal

import redis
from process_faults import kill
from scene import Noticed, Scene, Strike

OUTAGE_S = 30.0


def flushed_before_kill_of(role: str) -> Strike:
    """Empties Redis and kills a stage, which has to do without its snapshots."""

    def strike(scene: Scene) -> Noticed:
        redis.Redis.from_url(scene.stack.redis_url).flushall()
        return kill(role)(scene)

    return strike


def deaf_at_restart(scene: Scene) -> Noticed:
    """Redis hangs while a stage restarts and needs it."""
    store = scene.stack.process("store")
    store.pause()
    before = scene.restarts("ingest")
    os.kill(scene.pid("ingest"), signal.SIGKILL)
    scene.pause(OUTAGE_S)
    store.resume()
    return lambda: scene.restarts("ingest") > before
