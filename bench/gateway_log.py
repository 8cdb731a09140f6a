"""The pipeline behind a gateway whose own cost is in question: reads what it wrote, and writes what it is to tell."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from bench.gateway_clients import Client
from bench.tape import BYTES_PER_S
from josefine_kafka.connection import Broker
from josefine_kafka.tail import TopicTail
from josefine_kafka.writers import AcknowledgedWriter
from josefine_wire.codec import decode, encode
from josefine_wire.ids import final_id, interim_id
from josefine_wire.positions import SAMPLE_RATE_HZ
from josefine_wire.records import Transcript, Word
from josefine_wire.topics import AUDIO_RAW, TRANSCRIPTS, channel_key

INTERIM_S: Final = 1.0
SEGMENT_S: Final = 4.0
"""An interim a second and a final every four: what speech gives in the mean."""
WORDS: Final = 10


class Durable(threading.Thread):
    """Reads audio.raw as ingest would: how old a record's first byte is when it can be read."""

    def __init__(self, broker: Broker, clients: Mapping[str, Client], frame_ms: int) -> None:
        super().__init__(name="durable", daemon=True)
        self._tail, self._clients = TopicTail(broker, [AUDIO_RAW]), clients
        self._frame_bytes = BYTES_PER_S * frame_ms // 1000
        self._heard: dict[str, int] = {}
        self._stop_asked = threading.Event()
        self.ages_s: list[float] = []
        self.records = 0

    def run(self) -> None:
        while not self._stop_asked.is_set():
            for raw in self._tail.poll(0.25):
                self._take(raw.value)
        self._tail.close()

    def _take(self, value: bytes | None) -> None:
        chunk = decode(AUDIO_RAW, value)
        client = self._clients.get(chunk["session_id"])
        if client is None or not chunk["payload"]:
            return
        at = self._heard.get(client.session_id, 0)
        self._heard[client.session_id] = at + len(chunk["payload"])
        self.records += 1
        first = at // self._frame_bytes
        if first < len(client.sent_s):
            self.ages_s.append(time.monotonic() - client.sent_s[first])

    def finish(self) -> None:
        self._stop_asked.set()
        self.join()


class Telling(threading.Thread):
    """Writes interims and finals of all sessions, spread over time."""

    def __init__(self, broker: Broker, clients: Mapping[str, Client], until_s: float) -> None:
        super().__init__(name="telling", daemon=True)
        self._writer, self._clients, self._until_s = AcknowledgedWriter(broker), list(clients), until_s
        self.wrote_s: dict[tuple[str, int], float] = {}
        """When a final was handed to the broker, by session and sequence_id."""

    def run(self) -> None:
        began_s, turn = time.monotonic(), 0
        step_s = INTERIM_S / len(self._clients)
        while (due_s := began_s + turn * step_s) < self._until_s:
            time.sleep(max(due_s - time.monotonic(), 0.0))  # the pace of the pipeline that is simulated
            revision, number = divmod(turn, len(self._clients))
            self._write(self._clients[number], revision)
            turn += 1
        self._writer.close()

    def _write(self, session_id: str, turn: int) -> None:
        segment, revision = divmod(turn, round(SEGMENT_S / INTERIM_S))
        final = revision == round(SEGMENT_S / INTERIM_S) - 1
        if final:
            self.wrote_s[session_id, segment + 1] = time.monotonic()
        record = _record(session_id, segment, revision, final=final)
        self._writer.send(TRANSCRIPTS, channel_key(session_id, 0).encode(), encode(TRANSCRIPTS, record))


def told(clients: Mapping[str, Client], telling: Telling) -> list[float]:
    """Returns how long each final took from the broker's client to the gateway's."""
    return [
        clients[session_id].told_s[number] - wrote_s
        for (session_id, number), wrote_s in telling.wrote_s.items()
        if number in clients[session_id].told_s
    ]


def _record(session_id: str, segment: int, revision: int, *, final: bool) -> Transcript:
    start = round(segment * SEGMENT_S * SAMPLE_RATE_HZ)
    end = start + round((revision + 1) * INTERIM_S * SAMPLE_RATE_HZ)
    place: Callable[[int], int] = lambda number: start + (end - start) * number // WORDS  # noqa: E731
    words = [
        Word(word="word", punctuated_word="Word", start_sample=place(n), end_sample=place(n + 1), confidence=0.9)
        for n in range(WORDS)
    ]
    return Transcript(
        id=final_id(session_id, 0, segment) if final else interim_id(session_id, 0, segment, revision),
        session_id=session_id,
        channel=0,
        channels=1,
        kind="FINAL" if final else "INTERIM",
        segment=segment,
        revision=revision,
        session_started_at=int(time.time() * 1_000),
        captured_at=0,
        start_sample=start,
        end_sample=end,
        text=" ".join(["Word"] * WORDS),
        stable_words=0,
        words=words,
        confidence=0.9,
        language="en",
        model="none",
        speech_final=final,
        flushed=False,
        gaps=[],
        reason=None,
        error=None,
        metadata={},
        variant="",
    )
