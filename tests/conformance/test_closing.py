"""A reader may be closed at any moment, also while it joins its group, when librdkafka may wait for ever."""

import subprocess
import sys
from collections.abc import Callable

import pytest

SCRIPT = """
import random, sys, time, uuid
from josefine_kafka.connection import Broker
from josefine_kafka.reader import GroupReader

class Listener:
    def assigned(self, committed):
        return dict.fromkeys(committed)
    def revoked(self, sources):
        pass
    lost = revoked

choose = random.Random(int(sys.argv[2]))
for number in range(int(sys.argv[3])):
    reader = GroupReader(Broker(sys.argv[1], timeout_s=20.0), f"closing-{uuid.uuid4().hex}", "one", "audio.raw",
                         Listener(), session_timeout_ms=6000, static=sys.argv[4] == "kafka")
    deadline = time.monotonic() + choose.choice([0.0, 0.02, 0.05, 0.1, 0.2, 0.4]) * choose.random()
    polls = choose.random() < 0.7
    while time.monotonic() < deadline:
        if polls:
            reader.poll(10, 0.01)
    reader.close()
    print(number, flush=True)
"""


@pytest.mark.parametrize("kind", ["kafka", "tansu"])
def test_a_reader_closes_while_it_joins(kind: str, broker_of_kind: Callable[[str], object]) -> None:
    servers, seed, times = broker_of_kind(kind).bootstrap_servers, "1", "25" if kind == "kafka" else "4"
    command = [sys.executable, "-c", SCRIPT, servers, seed, times, kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == int(times)
