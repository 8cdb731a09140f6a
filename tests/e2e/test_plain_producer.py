"""The producer that the README shows, which knows nothing of this code."""

import subprocess
import sys

import pytest

from josefine_client.collector import Collector

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]


def test_thirty_lines_of_plain_kafka_get_a_transcript(client, repository, sample_path):
    script = repository / "examples" / "plain_producer.py"
    assert "josefine_" not in script.read_text(), "it must need nothing of ours"
    collector = Collector.connect(client.broker)

    done = subprocess.run(
        [sys.executable, script, sample_path("jfk.flac"), client.stack.bootstrap_servers],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    session_id = done.stdout.strip()
    for _ in collector.follow([session_id]):
        pass

    result = collector.expect(session_id)
    collector.close()
    assert result.complete
    assert "ask not what your country can do for you" in result.finals()[0]["text"]
