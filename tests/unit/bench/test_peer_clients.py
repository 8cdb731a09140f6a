import json

import numpy as np
import pytest
from bench.peers import whisper_live, whisper_livekit
from bench.peers.websocket import Closed, Message
from bench.peers.weights import vocabulary
from bench.streaming.system import Ended, Final, Interim

SECOND = np.zeros(16_000, np.int16).tobytes()


class Sockets:
    """Says what the test has put into it."""

    def __init__(self):
        self.sent, self.dropped, self.coming = [], [], []

    def open(self, key, path):
        self.sent.append((key, path))

    def send(self, key, payload):
        self.sent.append((key, payload))

    def drop(self, key):
        self.dropped.append(key)

    def poll(self, timeout_s):
        come, self.coming = self.coming, []
        return come

    def close(self):
        pass


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def time(self):
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(whisper_live, "time", made)
    monkeypatch.setattr(whisper_livekit, "time", made)
    return made


def opened(client, seconds):
    client._sockets = Sockets()
    client.open("s")
    for _ in range(seconds):
        client.send("s", SECOND, 0.0)
    return client._sockets


class WhisperLive:
    def __init__(self, clock, seconds=5):
        self.client, self.clock = whisper_live.WhisperLiveClient("h", 1), clock
        self.sockets = opened(self.client, seconds)

    def hears(self, *segments):
        self.clock.now_s += 0.5
        self.sockets.coming = [Message("s", json.dumps({"uid": "s", "segments": segments}))]
        return self.client.poll(0.0)


def segment(text, start, end, *, completed=False):
    return {"start": f"{start:.3f}", "end": f"{end:.3f}", "text": text, "completed": completed}


def test_whisper_live_the_second_answer_behind_the_end_is_final(clock):
    live = WhisperLive(clock)
    assert live.hears(segment(" Ask not", 0, 2)) == [Interim("s", 1000.5, "Ask not")]
    live.client.end("s")
    [first] = live.hears(segment(" Ask not what", 0, 2, completed=True), segment(" your country", 2, 4.9))
    assert first == Final("s", 1001.0)
    ended = live.hears(segment(" Ask not what", 0, 2, completed=True), segment(" your country.", 2, 4.9))
    assert ended == [Final("s", 1001.5), Ended("s", 1001.5, "Ask not what your country.")]
    assert live.sockets.sent[-1] == ("s", b"END_OF_AUDIO")
    assert live.sockets.dropped == ["s"]


def test_whisper_live_completed_segments_are_kept_once(clock):
    live = WhisperLive(clock)
    live.hears(segment("one", 0, 2, completed=True), segment("two", 2, 3))
    assert live.hears(segment("one", 0, 2, completed=True), segment("two", 2, 4, completed=True))[0].text == "one two"
    assert live.hears(segment("two", 2, 4, completed=True), segment("three", 4, 5))[0].text == "one two three"


@pytest.mark.parametrize(("heard_until_s", "charged"), [(4.5, False), (2.0, True)])
def test_whisper_live_silence_is_charged_where_audio_was_left(clock, heard_until_s, charged):
    live = WhisperLive(clock)
    live.hears(segment("all of it", 0, heard_until_s, completed=True))
    live.client.end("s")
    clock.now_s += 0.9 * whisper_live.SILENCE_S
    assert live.client.poll(0.0) == []
    clock.now_s += 0.2 * whisper_live.SILENCE_S
    assert live.client.poll(0.0) == [Ended("s", clock.now_s if charged else 1000.5, "all of it")]


@pytest.mark.parametrize("status", ["WAIT", "ERROR"])
def test_whisper_live_refusals_are_errors(clock, status):
    live = WhisperLive(clock)
    live.sockets.coming = [Message("s", json.dumps({"uid": "s", "status": status, "message": 3}))]
    assert live.client.poll(0.0) == [Ended("s", 1000.0, "", status)]


def test_a_connection_that_is_lost_is_an_error(clock):
    live = WhisperLive(clock)
    live.sockets.coming = [Closed("s", "reset")]
    assert live.client.poll(0.0) == [Ended("s", 1000.0, "", "closed reset")]
    live.client.send("s", SECOND, 0.0)
    live.client.end("s")


def test_whisperlivekit_is_final_with_the_last_change_of_its_text(clock):
    client = whisper_livekit.WhisperLiveKitClient("h", 1)
    sockets = opened(client, 3)

    def hears(**content):
        clock.now_s += 0.5
        sockets.coming = [Message("s", json.dumps(content))]
        return client.poll(0.0)

    line = {"speaker": 1, "text": " Ask not"}
    pause = {"speaker": -2, "text": None}
    assert hears(lines=[line], buffer_transcription=" what") == [Interim("s", 1000.5, "Ask not what")]
    assert hears(lines=[line, pause], buffer_transcription=" what") == []
    client.end("s")
    assert sockets.sent[-1] == ("s", b"")
    assert hears(lines=[line, pause, {"speaker": 1, "text": " what your"}]) == [Final("s", 1001.5)]
    assert hears(type="ready_to_stop") == [Ended("s", 1001.5, "Ask not what your")]


def test_the_vocabulary_is_in_the_order_of_the_numbers_with_the_timestamps_behind():
    tokenizer = {"model": {"vocab": {"b": 1, "a": 0}}, "added_tokens": [{"id": 2, "content": "<|en|>"}]}
    tokens = vocabulary(tokenizer)
    assert tokens[:5] == ["a", "b", "<|en|>", "<|0.00|>", "<|0.02|>"]
    assert tokens[-1] == "<|30.00|>"
