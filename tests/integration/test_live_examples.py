"""The examples of a live client against a server that cuts connections."""

import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from live_gateway import LiveGateway, serving
from live_model import words_of

EXAMPLES = Path(__file__).parents[2] / "examples"
DEADLINE_S = 60


@pytest.fixture
def recording(tmp_path):
    """A WAV file of 0.6 s, short because the examples speak at a microphone's pace."""
    path = tmp_path / "short.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(range(240)) * 40)
    return path


def printed(command, **environment):
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_client_goes_on_after_cuts(recording):
    gateway = LiveGateway(cuts=2, cut_within=4)
    with serving(gateway) as url:
        output = printed([sys.executable, EXAMPLES / "live_client.py", recording, url])
    with wave.open(str(recording)) as file:
        audio = file.readframes(file.getnframes())
    # A cut may be noticed twice, by who sends and by who listens: then the client comes once more.
    assert len(gateway.queries) >= 3
    assert bytes(gateway.session.taken) == audio
    assert [word for line in output.splitlines() for word in line.split()[1:]] == words_of(audio)


def test_the_javascript_client_goes_on_after_cuts(recording):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    gateway = LiveGateway(cuts=2, cut_within=4)
    with serving(gateway) as url:
        # Node 22 knows WebSocket without the option, Node 20 with it.
        output = printed([node, EXAMPLES / "live_client.js", recording, url], NODE_OPTIONS="--experimental-websocket")
    # A cut may be noticed twice, by who sends and by who listens: then the client comes once more.
    assert len(gateway.queries) >= 3
    assert bytes(gateway.session.taken) == recording.read_bytes()
    assert output.split() == words_of(recording.read_bytes())
