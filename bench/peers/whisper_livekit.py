"""WhisperLiveKit (whisperlivekit on the package registry): its own server and the protocol of its /asr.

Raw samples are sent as binary messages, an empty one ends the stream, `ready_to_stop` says that all of it has been
heard. Every message has the whole text so far: committed lines, and a tail that may change. A session's text counts as
final with the last change of it, though a client knows that only when `ready_to_stop` comes.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from bench.peers.environments import environment
from bench.peers.server import Program, ServedSystem, Server
from bench.peers.websocket import Closed, Message, WebSockets
from bench.peers.weights import ctranslate2_folder, openai_checkpoint
from bench.streaming.system import Client, Ended, Event, Interim
from bench.streaming.system import Final as FinalEvent
from josefine_local.ports import HOST

NAME: Final = "whisperlivekit"
SILENCE: Final = -2
"""The speaker of a line that is a pause."""
WARM_UP: Final = Path(__file__).parents[2] / "samples" / "lj002-0020.wav"
Policy = Literal["localagreement", "simulstreaming"]


class WhisperLiveKit(ServedSystem):
    """The server with one of its two streaming policies."""

    def __init__(
        self, cache: Path, progress: Callable[[str], None], policy: Policy = "localagreement", chunk_s: float = 1.0
    ) -> None:
        super().__init__()
        self._cache, self._progress, self._policy, self._chunk_s = cache, progress, policy, chunk_s

    @property
    def name(self) -> str:
        return f"{NAME} {self._policy} {self._chunk_s:g} s"

    @property
    def settings(self) -> str:
        return (
            "whisperlivekit 0.2.26, backend faster-whisper, compute type auto (int8), 2 threads,"
            f" policy {self._policy}, min-chunk-size {self._chunk_s:g} s, its own Silero VAD, pcm-input, one worker;"
            " the rest its defaults"
        )

    def _made(self) -> Server:
        python = environment(NAME, self._cache, self._progress)
        arguments = self._arguments()
        return Server(
            f"{NAME}-{self._policy}-{self._chunk_s:g}",
            Program(lambda port: (str(python), "-m", "whisperlivekit.basic_server", "--port", str(port), *arguments)),
            self._cache / "logs",
        )

    def _client(self, host: str, port: int) -> Client:
        return WhisperLiveKitClient(host, port)

    def _arguments(self) -> tuple[str, ...]:
        folder = str(ctranslate2_folder(self._cache))
        weights: tuple[str, ...] = ("--model_dir", folder)
        if self._policy == "simulstreaming":
            weights = ("--decoder-model-path", str(openai_checkpoint(self._cache)), "--encoder-model-path", folder)
        return (
            *("--host", HOST, "--model", "tiny.en", *weights, "--lan", "en", "--pcm-input"),
            *("--backend", "faster-whisper", "--backend-policy", self._policy),
            *("--min-chunk-size", f"{self._chunk_s:g}", "--warmup-file", str(WARM_UP), "--log-level", "ERROR"),
        )


@dataclass(slots=True)
class _Heard:
    """What the client knows of a session."""

    text: str = ""
    changed_at_s: float = 0.0
    ended_at_s: float | None = None


class WhisperLiveKitClient:
    """A websocket a session."""

    def __init__(self, host: str, port: int) -> None:
        self._sockets = WebSockets(host, port)
        self._sessions: dict[str, _Heard] = {}

    def open(self, session_id: str) -> None:
        self._sessions[session_id] = _Heard()
        self._sockets.open(session_id, "/asr")

    def send(self, session_id: str, samples: bytes, captured_at_s: float) -> None:  # noqa: ARG002 - not in its protocol
        self._sockets.send(session_id, samples)

    def end(self, session_id: str) -> None:
        heard = self._sessions.get(session_id)
        if heard is not None:
            heard.ended_at_s = time.time()
            self._sockets.send(session_id, b"")

    def poll(self, timeout_s: float) -> list[Event]:
        found: list[Event] = []
        for each in self._sockets.poll(timeout_s):
            if each.key in self._sessions:
                found += self._closed(each) if isinstance(each, Closed) else self._message(each)
        return found

    def close(self) -> None:
        self._sockets.close()

    def _message(self, message: Message) -> list[Event]:
        content, now_s = json.loads(message.text), time.time()
        if content.get("type") == "ready_to_stop":
            heard = self._sessions[message.key]
            return [self._finish(message.key, max(heard.changed_at_s, heard.ended_at_s or now_s))]
        if content.get("error"):
            return [self._finish(message.key, now_s, error="error")]
        heard, said = self._sessions[message.key], text_of(content)
        if said == heard.text:
            return []
        heard.text, heard.changed_at_s = said, now_s
        return [FinalEvent(message.key, now_s) if heard.ended_at_s is not None else Interim(message.key, now_s, said)]

    def _closed(self, closed: Closed) -> list[Event]:
        return [self._finish(closed.key, time.time(), error=f"closed {closed.reason}".strip())]

    def _finish(self, key: str, at_s: float, error: str | None = None) -> Ended:
        heard = self._sessions.pop(key)
        self._sockets.drop(key)
        return Ended(key, at_s, heard.text, error)


def text_of(content: dict[str, Any]) -> str:
    """Returns all words of a message: committed lines, pauses left out, and the tail."""
    lines = [line.get("text") or "" for line in content.get("lines") or () if line.get("speaker") != SILENCE]
    return " ".join(" ".join([*lines, content.get("buffer_transcription") or ""]).split())
