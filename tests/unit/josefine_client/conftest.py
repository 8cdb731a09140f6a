"""The client's ports in memory, and the records that an engine would answer with."""

from collections import deque
from collections.abc import Iterable
from itertools import count
from types import SimpleNamespace

import pytest

from josefine_client.collector import Collector
from josefine_client.publisher import Publisher
from josefine_stage.handler import Source
from josefine_stage.ports import RawRecord
from josefine_wire.codec import decode, encode
from josefine_wire.ids import end_id, final_id, flush_id, interim_id, understanding_id
from josefine_wire.topics import AUDIO_RAW, DEAD_LETTERS, TRANSCRIPTS, UNDERSTANDING


class FakeClock:
    """Time that goes on when somebody waits."""

    def __init__(self):
        self.now_s = 1_000.0

    def monotonic_s(self):
        return self.now_s

    def epoch_s(self):
        return 1_700_000_000.0 + self.now_s


class FakeWriter:
    """A broker that keeps what it is sent."""

    def __init__(self, clock):
        self.clock = clock
        self.records = []
        self.sent_at_s = []
        self.flushed = 0
        self.closed = False
        self.answer = lambda chunk: None

    def send(self, topic, key, value):
        chunk = decode(topic, value)
        assert topic == AUDIO_RAW
        assert key.decode() == chunk["session_id"]
        self.records.append(chunk)
        self.sent_at_s.append(self.clock.now_s)
        self.answer(chunk)

    def flush(self, timeout_s):
        self.flushed = len(self.records)

    def close(self):
        self.closed = True

    def of(self, session_id):
        return [chunk for chunk in self.records if chunk["session_id"] == session_id]


class FakeTail:
    """A log that is read as it is written; waiting for it moves the clock."""

    def __init__(self, clock):
        self.clock = clock
        self.queue = deque()
        self.offsets = count()
        self.closed = False

    def put(self, topic, *records):
        for record in records:
            value = record if isinstance(record, bytes) else encode(topic, record)
            self.queue.append(RawRecord(Source(topic, 0), next(self.offsets), 0, b"", value))

    def poll(self, timeout_s) -> Iterable[RawRecord]:
        if not self.queue:
            self.clock.now_s += timeout_s
        found = list(self.queue)
        self.queue.clear()
        return found

    def close(self):
        self.closed = True


class Engine:
    """Records as the engine's last two stages write them."""

    @staticmethod
    def transcript(kind, session_id="s", channel=0, segment=0, revision=100, text="hello there", **more):
        ids = {
            "INTERIM": interim_id(session_id, channel, segment, revision),
            "FINAL": final_id(session_id, channel, segment),
            "FLUSHED": flush_id(session_id, channel, revision),
            "END": end_id(session_id, channel),
        }
        start = segment * 16_000
        text = "" if kind in ("END", "FLUSHED") else text
        words = [
            {
                "word": word.lower(),
                "punctuated_word": word,
                "start_sample": start + 1_000 * number,
                "end_sample": start + 1_000 * number + 900,
                "confidence": 0.9,
            }
            for number, word in enumerate(text.split())
        ]
        return {
            "id": ids[kind],
            "session_id": session_id,
            "channel": channel,
            "channels": 1,
            "kind": kind,
            "segment": segment,
            "revision": revision,
            "session_started_at": 1,
            "captured_at": 1,
            "start_sample": start,
            "end_sample": start + 16_000,
            "text": text,
            "words": words,
            "confidence": 0.9,
            "language": "en",
            "model": "tiny.en",
            "reason": "COMPLETE" if kind == "END" else None,
            **more,
        }

    @staticmethod
    def understanding(kind, session_id="s", channel=0, segment=0, **more):
        base = end_id(session_id, channel) if kind == "END" else final_id(session_id, channel, segment)
        return {
            "id": understanding_id(base),
            "session_id": session_id,
            "channel": channel,
            "channels": 1,
            "kind": kind,
            "segment": segment,
            "session_started_at": 1,
            "captured_at": 1,
            "start_sample": segment * 16_000,
            "end_sample": segment * 16_000 + 16_000,
            **more,
        }

    @staticmethod
    def dead_letter(session_id="s", offset=7, **more):
        return {
            "id": f"ingest/audio.raw/0/{offset}",
            "stage": "ingest",
            "topic": "audio.raw",
            "partition": 0,
            "offset": offset,
            "key": b"key",
            "value": b"",
            "session_id": session_id,
            "code": "second_producer",
            "reason": "another producer writes this session",
            "failed_at": 1,
            **more,
        }


@pytest.fixture(scope="session")
def engine():
    return Engine


@pytest.fixture
def pipe():
    """A publisher and a collector on ports in memory, and the ports."""
    clock = FakeClock()
    writer, tail = FakeWriter(clock), FakeTail(clock)
    return SimpleNamespace(
        clock=clock,
        writer=writer,
        tail=tail,
        publisher=Publisher(writer, clock),
        collector=Collector(tail, clock),
    )


@pytest.fixture
def answering(pipe, engine):
    """The pipe with an engine behind it that answers every ended session with one final, its text the bytes."""
    heard: dict[str, bytes] = {}

    def answer(chunk):
        session_id = chunk["session_id"]
        heard[session_id] = heard.get(session_id, b"") + chunk["payload"]
        if chunk["end"]:
            final = engine.transcript("FINAL", session_id, text=heard[session_id].decode())
            end = engine.transcript("END", session_id, segment=1)
            pipe.tail.put(TRANSCRIPTS, final, end)
            pipe.tail.put(
                UNDERSTANDING,
                engine.understanding("SEGMENT", session_id),
                engine.understanding("END", session_id, segment=1),
            )

    pipe.writer.answer = answer
    return pipe


@pytest.fixture
def topics():
    return SimpleNamespace(transcripts=TRANSCRIPTS, understanding=UNDERSTANDING, dead_letters=DEAD_LETTERS)
