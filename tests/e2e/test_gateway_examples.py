"""Every client that the README shows, run as it says, against the real gateway."""

import json
import os
import re
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

DEADLINE_S = 120
NODE = {"NODE_OPTIONS": "--experimental-websocket"}
"""Node 22 knows WebSocket without the option, Node 20 with it."""
SAID = re.compile(r"in 1813", re.IGNORECASE)


@pytest.fixture
def recording(tmp_path, wav_bytes, short_speech):
    """A second and a half of speech, as the README calls it."""
    path = tmp_path / "talk.mp3"
    path.write_bytes(wav_bytes(short_speech))
    return path


@pytest.fixture
def printed(repository, recording):
    """Runs a command beside the recording; returns its lines."""

    def run(*command, said=b"", **environment):
        done = subprocess.run(
            command,
            cwd=recording.parent,
            env={**os.environ, **environment},
            input=said,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().splitlines()

    return run


@pytest.fixture
def example(repository):
    """Returns the path of an example."""
    return lambda name: repository / "examples" / name


@pytest.fixture
def node():
    """The command; skips the test where there is none."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("no node on this machine")
    return found


def heard(lines):
    """What was said, of lines that begin with its time or not."""
    return [line.split(maxsplit=1)[1] if line[:1] in " 0123456789" else line for line in lines if SAID.search(line)]


def test_deepgram_sdk(printed, example, recording, gateway):
    lines = printed(sys.executable, example("deepgram_client.py"), recording, urlsplit(gateway.url).netloc)
    recorded, live = heard(lines)
    assert SAID.match(recorded)
    assert SAID.match(live)


def test_python_from_raw_audio(printed, example, gateway, short_speech):
    said = short_speech.astype("<i2").tobytes()
    [live] = heard(printed(sys.executable, example("hear.py"), gateway.ws_url, said=said))
    assert SAID.match(live)


def test_python_at_the_pace_of_a_microphone(printed, example, recording, gateway):
    [live] = heard(printed(sys.executable, example("live_client.py"), recording, gateway.ws_url))
    assert SAID.match(live)


def test_javascript_from_raw_audio(printed, example, node, gateway, short_speech):
    said = short_speech.astype("<i2").tobytes()
    [live] = heard(printed(node, example("hear.js"), gateway.ws_url, said=said, **NODE))
    assert SAID.match(live)


def test_javascript_at_the_pace_of_a_microphone(printed, example, node, recording, gateway):
    [live] = heard(printed(node, example("live_client.js"), recording, gateway.ws_url, **NODE))
    assert SAID.match(live)


def test_shell(printed, example, recording, gateway):
    lines = [json.loads(line) for line in printed("sh", example("listen.sh"), recording, gateway.url)]
    texts = [answer["results"]["channels"][0]["alternatives"][0]["transcript"] for answer in lines]
    assert len(texts) == 3
    assert all(map(SAID.match, texts))
    assert [SAID.match(each["transcript"]) is not None for each in lines[1]["results"]["utterances"]] == [True]


def test_curl_as_the_readme_has_it(printed, repository, recording, gateway):
    readme = (repository / "README.md").read_text()
    commands = re.findall(r"^curl .*$", readme, re.MULTILINE)
    assert len(commands) == 2
    answer, captions = (
        "\n".join(printed("sh", "-c", f"{command.replace('http://127.0.0.1:8080', gateway.url)} --silent"))
        for command in commands
    )
    assert SAID.match(json.loads(answer)["results"]["channels"][0]["alternatives"][0]["transcript"])
    assert captions.startswith("1\n00:00:00,")
    assert SAID.search(captions)
