"""A log in memory: what replays read and write."""

from dataclasses import dataclass, field

from josefine_client.chunks import ChunkNumbering, Session
from josefine_stage.handler import Source
from josefine_stage.ports import RawRecord
from josefine_wire.codec import decode, encode
from josefine_wire.records import session_config
from josefine_wire.topics import AUDIO_FRAMES, AUDIO_RAW, audio_key, channel_key

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


@dataclass
class ListLog:
    """Partitions as lists. What is written stands in it too."""

    records: list[RawRecord] = field(default_factory=list)
    behind: int = 0

    def put(self, topic, key, value, timestamp_ms=NOW_MS, headers=None):
        source = Source(topic, sum(key or b"") % 2)
        offset = sum(raw.source == source for raw in self.records)
        self.records.append(RawRecord(source, offset, timestamp_ms, key, value, headers or {}))

    def since(self, topic, start):
        start_ms = 0 if start == "beginning" else start
        yield from [raw for raw in self.records if raw.source.topic == topic and raw.timestamp_ms >= start_ms]

    def between(self, stretches):
        for raw in list(self.records):
            first, last = stretches.get(raw.source, (0, -1))
            if first <= raw.offset <= last:
                yield raw

    def send(self, topic, key, value, headers=None):
        self.put(topic, key, value, NOW_MS, headers)

    def flush(self, timeout_s):
        pass

    def of(self, topic, session_id):
        """Returns the records of a session."""
        decoded = [decode(topic, raw.value) for raw in self.records if raw.source.topic == topic]
        return [record for record in decoded if record["session_id"] == session_id]


def audio(log, session_id="s", *, at_ms=NOW_MS - HOUR_MS, pieces=(b"one", b"two"), end=True, producer="p", **config):
    """Puts a session's chunks into a log."""
    session = Session(session_id, session_config(**config))
    numbering = ChunkNumbering(session, producer, at_ms - 7)
    for number, piece in enumerate(pieces):
        last = end and number == len(pieces) - 1
        for chunk in numbering.chunks(piece, end=last, captured_at_us=number):
            put_chunk(log, chunk, at_ms + number)


def put_chunk(log, chunk, at_ms=NOW_MS - HOUR_MS):
    log.put(AUDIO_RAW, audio_key(chunk["session_id"]).encode(), encode(AUDIO_RAW, chunk), at_ms)


def frames(log, session_id="s", channels=2, *, ended=(0, 1), at_ms=NOW_MS - HOUR_MS):
    """Puts two frames a channel into a log, the second one the end where the channel has ended."""
    for channel in range(channels):
        for sequence in range(2):
            last = sequence == 1 and channel in ended
            frame = {
                "session_id": session_id,
                "channel": channel,
                "channels": channels,
                "sequence": sequence,
                "session_started_at": at_ms,
                "start_sample": sequence,
                "samples": b"\0\0",
                "start": session_config(model="base") if sequence == 0 else None,
                "end": {"reason": "COMPLETE", "samples": 2, "code": None, "message": None} if last else None,
            }
            key = channel_key(session_id, channel).encode()
            log.put(AUDIO_FRAMES, key, encode(AUDIO_FRAMES, frame), at_ms)
