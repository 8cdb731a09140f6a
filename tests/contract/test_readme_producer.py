"""The producer of the README against a stand-in for the Kafka library: what it sends, and what it says of trouble."""

import json
import os
import subprocess
import sys

import pytest

from josefine_wire.codec import decode

# Holds a thousand and a half records, and delivers them when it is polled: all of them, or none for the reason given.
LIBRARY = """
import json, os

class Producer:
    def __init__(self, properties):
        self.queue, self.sent = [], []
    def __len__(self):
        return len(self.queue)
    def produce(self, topic, key, value, on_delivery):
        if len(self.queue) == 1_500:
            raise BufferError("Local: Queue full")
        self.queue.append(on_delivery)
        self.sent.append([topic, key, value.hex()])
    def poll(self, timeout):
        for on_delivery in self.queue:
            on_delivery(os.environ.get("REFUSED"), None)
        self.queue = []
    def flush(self, timeout):
        if "SILENT" in os.environ:
            return len(self.queue)
        self.poll(timeout)
        json.dump(self.sent, open(os.environ["SENT"], "w"))
        return 0
"""


@pytest.fixture
def produce(repository, tmp_path):
    """Runs the example over a file of so many bytes; returns the finished process and what was sent."""
    (tmp_path / "confluent_kafka.py").write_text(LIBRARY)
    sent = tmp_path / "sent.json"

    def run(size, **environment):
        (tmp_path / "audio").write_bytes(bytes(size))
        variables = {**os.environ, "PYTHONPATH": str(tmp_path), "SENT": str(sent), **environment}
        command = [sys.executable, repository / "examples" / "plain_producer.py", tmp_path / "audio"]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        return done, json.loads(sent.read_text()) if sent.exists() else []

    return run


def test_the_readme_shows_it(repository):
    script = (repository / "examples" / "plain_producer.py").read_text()
    assert f"```python\n{script}```\n" in (repository / "README.md").read_text()


@pytest.mark.parametrize("chunks", [0, 1, 2_000])
def test_every_file_begins_and_ends_a_session(produce, chunks):
    done, sent = produce(chunks * 32_768)

    assert (done.returncode, done.stderr) == (0, "")
    session_id = done.stdout.strip()
    assert {(topic, key) for topic, key, _ in sent} == {("audio.raw", session_id)}
    assert len(sent) == max(chunks, 1)
    first, last = (decode("audio.raw", bytes.fromhex(sent[place][2])) for place in (0, -1))
    assert first["start"]["encoding"] == "container"
    assert (last["sequence"], last["end"]) == (len(sent) - 1, True)


@pytest.mark.parametrize(
    ("trouble", "told"), [({"REFUSED": "Broker: Message size too large"}, "size too large"), ({"SILENT": "1"}, "9092")]
)
def test_what_is_not_delivered_is_told(produce, trouble, told):
    done, _ = produce(10, **trouble)

    assert done.returncode == 1
    assert done.stdout == ""
    assert told in done.stderr
