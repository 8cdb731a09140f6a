"""Records that no stage can process, beside the good sessions."""

import os
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from device_faults import tell
from scene import Noticed, Scene, Strike
from trial import readable

from josefine_kafka.connection import Broker
from josefine_kafka.tail import TopicTail
from josefine_kafka.writers import AcknowledgedWriter
from josefine_wire import topics
from josefine_wire.codec import encode

KILLER = 0x4D2E
"""float16 bits of a log-mel value that speech does not have (docs/fault-injection.md)."""
SPEECH, WINDOWS = 0.9, 5
"""Least probability of speech throughout the frame that kills, and how long that has to be: less may be a click."""

Poison = list[tuple[str, bytes, bytes]]
"""Topic, key and value."""


def published(make: Callable[[], Poison]) -> Strike:
    def strike(scene: Scene) -> Noticed:
        _publish(scene, make())
        return None

    return strike


def garbage() -> Poison:
    topics_ = (topics.AUDIO_RAW, topics.AUDIO_FRAMES, topics.FEATURE_FRAMES, topics.TRANSCRIPTS)
    return [(topic, uuid.uuid4().hex.encode(), os.urandom(200)) for topic in topics_ for _ in range(4)]


def unknown_schema() -> Poison:
    fingerprint = b"\xc3\x01" + bytes(8)
    return [(topics.AUDIO_RAW, uuid.uuid4().hex.encode(), fingerprint + os.urandom(40)) for _ in range(8)]


def nan_features() -> Poison:
    return [_features(np.full((100, 80), np.nan, np.float16).tobytes()) for _ in range(4)]


def wrong_lengths() -> Poison:
    return [_features(b"\x00" * 1001) for _ in range(4)]


def deadly_frame(fault: str) -> Strike:
    """A session of real speech with a value in one frame that makes the child fail whenever it is decoded."""

    def strike(scene: Scene) -> Noticed:
        tell(scene, {"fault": fault, "when": {"value": hex(KILLER)}})
        broker = Broker(scene.stack.bootstrap_servers, {"log_level": "2"})
        tail = TopicTail(broker, [topics.TRANSCRIPTS, topics.DEAD_LETTERS], "end")
        session_id = uuid.uuid4().hex
        _publish(scene, list(_deadly(broker, session_id)))
        return _buried(tail, session_id)

    return strike


def _buried(tail: TopicTail, session_id: str) -> Callable[[], bool]:
    """Returns how to see that the session has a dead letter, a gap and an end."""
    seen: set[str] = set()

    def noticed() -> bool:
        for raw in tail.poll(0.05):
            record = readable(raw)
            if record is None or record["session_id"] != session_id:
                continue
            if raw.source.topic == topics.DEAD_LETTERS:
                seen.add(record["code"])
            elif record["kind"] == "END":
                seen.add("END")
                seen.update(gap["reason"] for gap in record["gaps"])
            else:
                seen.update(gap["reason"] for gap in record["gaps"])
        return seen >= {"device_poison", "poison", "END"}

    return noticed


def _deadly(broker: Broker, session_id: str) -> Iterator[tuple[str, bytes, bytes]]:
    """Yields the frames of a whole session in the log once more, one of them deadly."""
    frames = _whole_session(broker)
    deadly = next(frame for frame in frames if _in_speech(frame))
    log_mel = np.frombuffer(deadly["log_mel"], "<f2").copy()
    log_mel.view("<u2")[0] = KILLER
    deadly["log_mel"] = log_mel.tobytes()
    for frame in frames:
        frame["session_id"] = session_id
        key = topics.channel_key(session_id, frame["channel"])
        yield topics.FEATURE_FRAMES, key.encode(), encode(topics.FEATURE_FRAMES, frame)


def _whole_session(broker: Broker) -> list[Any]:
    """Returns the frames of the first session of one channel in the log that has ended and has speech in it."""
    tail, sessions = TopicTail(broker, [topics.FEATURE_FRAMES], "beginning"), defaultdict[str, list[Any]](list)
    try:
        while not tail.at_end():
            for raw in tail.poll(1.0):
                frame = readable(raw)
                if frame is None:
                    continue
                frames = sessions[frame["session_id"]]
                frames.append(frame)
                whole = frame["end"] and frame["channels"] == 1 and frames[0]["start"]
                if whole and any(_in_speech(frame) for frame in frames):
                    return frames
    finally:
        tail.close()
    raise AssertionError(f"none of {len(sessions)} sessions in the log is whole, of one channel, and has speech in it")


def _in_speech(frame: Any) -> bool:
    """Returns whether all of a frame is speech: what stands in silence may never be decoded."""
    probability = np.frombuffer(frame["speech_probability"], "<f2")
    return len(probability) >= WINDOWS and len(frame["log_mel"]) > 0 and bool((probability >= SPEECH).all())


def _publish(scene: Scene, records: Poison) -> None:
    writer = AcknowledgedWriter(Broker(scene.stack.bootstrap_servers, {"log_level": "2"}))
    for topic, key, value in records:
        writer.send(topic, key, value)
    writer.flush(10.0)
    writer.close()


def _features(log_mel: bytes) -> tuple[str, bytes, bytes]:
    session_id = uuid.uuid4().hex
    record = {
        "session_id": session_id,
        "channel": 0,
        "channels": 1,
        "sequence": 0,
        "session_started_at": 1_790_000_000_000,
        "captured_at": 0,
        "gaps": [],
        "start": None,
        "flush": False,
        "end": None,
        "start_hop": 0,
        "mels": 80,
        "log_mel": log_mel,
        "start_window": 0,
        "speech_probability": b"",
    }
    key = topics.channel_key(session_id, 0)
    return topics.FEATURE_FRAMES, key.encode(), encode(topics.FEATURE_FRAMES, record)
