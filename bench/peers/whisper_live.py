"""WhisperLive (whisper-live on the package registry): its own server, and the messages of its own client.

The protocol has no word for "that was all": its END_OF_AUDIO makes the server close at once, without hearing what it
has buffered, so its own client waits for silence before it sends it. Here a session's text is final with the last
change of it after the last audio. The second answer after the last audio comes of a hearing that began behind it, so
the client need not wait longer than for that. Where no answer comes and the last words end less than two seconds before
the audio does (the server hears nothing that is shorter than a second, or silent), what came last was final, and the
client's waiting is not charged.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.peers.environments import environment
from bench.peers.server import Program, ServedSystem, Server
from bench.peers.websocket import Closed, Message, WebSockets
from bench.peers.weights import ctranslate2_folder
from bench.streaming.system import Client, Ended, Event, Interim
from bench.streaming.system import Final as FinalEvent
from josefine_wire import positions

NAME: Final = "whisper-live"
MOST_CLIENTS: Final = 1000
SILENCE_S: Final = 10.0
"""Its own client waits 15 s for a change before it ends a session."""
ANSWERS: Final = 2
UNHEARD_S: Final = 2.0
"""Audio behind the last words that may be silence, or too short for the server."""
SAMPLE_BYTES: Final = 2
END_OF_AUDIO: Final = b"END_OF_AUDIO"
RUN: Final = """
import sys
from whisper_live.server import TranscriptionServer
TranscriptionServer().run(
    "127.0.0.1", port=int(sys.argv[1]), backend="faster_whisper", faster_whisper_custom_model_path=sys.argv[2],
    single_model=True, max_clients=int(sys.argv[3]), max_connection_time=3600, batch_enabled=sys.argv[4] == "batch",
    batch_max_queue_wait_s=60.0, batch_max_admissions_per_s=1000.0,
)
"""
"""What its run_server.py does, which the package leaves out. Nobody is to be turned away: capacity is what is asked."""


class WhisperLive(ServedSystem):
    """The server with one model for all clients."""

    def __init__(self, cache: Path, progress: Callable[[str], None], *, batch: bool = False) -> None:
        super().__init__()
        self._cache, self._progress, self._batch = cache, progress, batch

    @property
    def name(self) -> str:
        return f"{NAME} {'batch' if self._batch else 'single model'}"

    @property
    def settings(self) -> str:
        how = "batch_enabled with its defaults (16 at most, 50 ms)" if self._batch else "single_model"
        return (
            f"whisper-live 0.10.0, backend faster_whisper, {how}, int8 (its choice on a CPU), 2 threads instead of 1,"
            f" max_clients {MOST_CLIENTS}, no limit of admission; client: its defaults (use_vad, same_output_threshold"
            " 10), audio_format int16"
        )

    def _made(self) -> Server:
        python = environment(NAME, self._cache, self._progress)
        folder = ctranslate2_folder(self._cache)
        mode = "batch" if self._batch else "single"
        arguments = (str(folder), str(MOST_CLIENTS), mode)
        return Server(
            f"{NAME}-{mode}",
            Program(lambda port: (str(python), "-c", RUN, str(port), *arguments)),
            self._cache / "logs",
        )

    def _client(self, host: str, port: int) -> Client:
        return WhisperLiveClient(host, port)


@dataclass(slots=True)
class _Heard:
    """What the client knows of a session."""

    completed: list[dict[str, Any]] = field(default_factory=list)
    pending: str = ""
    heard_s: float = 0.0
    """Where the last words end."""
    sent_s: float = 0.0
    last_at_s: float = 0.0
    """Of the last message with words."""
    ended_at_s: float | None = None
    answers: int = 0
    """Messages with words after the end."""

    @property
    def text(self) -> str:
        return " ".join([*(segment["text"].strip() for segment in self.completed), self.pending]).strip()

    def take(self, segments: list[dict[str, Any]]) -> None:
        """As its own client does: completed segments are kept once, by their times; the last one may be open."""
        for segment in segments:
            if segment.get("completed") and (
                not self.completed or float(segment["start"]) >= float(self.completed[-1]["end"])
            ):
                self.completed.append(segment)
        last = segments[-1]
        self.heard_s = float(last["end"])
        self.pending = "" if last.get("completed") else last["text"].strip()


class WhisperLiveClient:
    """A websocket a session."""

    def __init__(self, host: str, port: int) -> None:
        self._sockets = WebSockets(host, port)
        self._sessions: dict[str, _Heard] = {}

    def open(self, session_id: str) -> None:
        self._sessions[session_id] = _Heard()
        self._sockets.open(session_id, "/")
        self._sockets.send(session_id, json.dumps(options(session_id)))

    def send(self, session_id: str, samples: bytes, captured_at_s: float) -> None:  # noqa: ARG002 - not in its protocol
        heard = self._sessions.get(session_id)
        if heard is not None:
            heard.sent_s += positions.seconds(len(samples) // SAMPLE_BYTES)
            self._sockets.send(session_id, samples)

    def end(self, session_id: str) -> None:
        heard = self._sessions.get(session_id)
        if heard is not None:
            heard.ended_at_s = time.time()

    def poll(self, timeout_s: float) -> list[Event]:
        found: list[Event] = []
        for each in self._sockets.poll(timeout_s):
            if each.key in self._sessions:
                found += self._closed(each) if isinstance(each, Closed) else self._message(each)
        return found + self._silent(time.time())

    def close(self) -> None:
        self._sockets.close()

    def _message(self, message: Message) -> list[Event]:
        content = json.loads(message.text)
        if content.get("status") in {"WAIT", "ERROR"}:
            return [self._finish(message.key, time.time(), error=content["status"])]
        if not content.get("segments"):
            return []
        return self._words(message.key, self._sessions[message.key], content["segments"])

    def _words(self, key: str, heard: _Heard, segments: list[dict[str, Any]]) -> list[Event]:
        before, now_s = heard.text, time.time()
        heard.take(segments)
        heard.last_at_s = now_s
        if heard.ended_at_s is None:
            return [Interim(key, now_s, heard.text)]
        heard.answers += 1
        found: list[Event] = [FinalEvent(key, now_s)] if heard.text != before else []
        if heard.answers >= ANSWERS:
            found.append(self._finish(key, now_s))
        return found

    def _silent(self, now_s: float) -> list[Event]:
        """Ends the sessions of which nothing has come for long."""
        silent = [
            (key, heard, max(heard.last_at_s, heard.ended_at_s))
            for key, heard in self._sessions.items()
            if heard.ended_at_s is not None and now_s - max(heard.last_at_s, heard.ended_at_s) > SILENCE_S
        ]
        return [
            self._finish(key, final_at_s if heard.sent_s - heard.heard_s < UNHEARD_S else now_s)
            for key, heard, final_at_s in silent
        ]

    def _closed(self, closed: Closed) -> list[Event]:
        return [self._finish(closed.key, time.time(), error=f"closed {closed.reason}".strip())]

    def _finish(self, key: str, at_s: float, error: str | None = None) -> Ended:
        heard = self._sessions.pop(key)
        self._sockets.send(key, END_OF_AUDIO)
        self._sockets.drop(key)
        return Ended(key, at_s, heard.text, error)


def options(uid: str) -> dict[str, Any]:
    """Returns what its own client sends first, with its defaults."""
    return {
        "uid": uid,
        "language": "en",
        "task": "transcribe",
        "model": "tiny.en",
        "use_vad": True,
        "send_last_n_segments": 10,
        "no_speech_thresh": 0.45,
        "clip_audio": False,
        "same_output_threshold": 10,
        "audio_format": "int16",
    }
