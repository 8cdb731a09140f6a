import contextlib

import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form
from hypothesis import given
from hypothesis import strategies as st

from josefine_wire import codec, topics
from josefine_wire.records import AudioChunk, SessionStart, session_config

CHUNKS = st.builds(
    AudioChunk,
    session_id=st.text(max_size=20),
    producer_id=st.text(max_size=20),
    sequence=st.integers(0, 2**62),
    session_started_at=st.integers(0, 2**50),
    captured_at=st.integers(0, 2**60),
    payload=st.binary(max_size=200),
    flush=st.booleans(),
    end=st.booleans(),
    takes_over=st.none() | st.text(max_size=20),
    start=st.none()
    | st.builds(
        SessionStart,
        encoding=st.sampled_from(["linear16", "container"]),
        sample_rate_hz=st.integers(0, 48_000),
        channels=st.integers(0, 8),
        config=st.builds(session_config, st.sampled_from(["LIVE", "RECORDED"])),
    ),
)


@given(CHUNKS)
def test_what_was_encoded_is_decoded(record: AudioChunk) -> None:
    assert codec.decode(topics.AUDIO_RAW, codec.encode(topics.AUDIO_RAW, record)) == record


@given(CHUNKS, st.data())
def test_damaged_bytes_raise_one_kind_of_error_or_read_as_a_record(record: AudioChunk, data: st.DataObject) -> None:
    payload = bytearray(codec.encode(topics.AUDIO_RAW, record))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    payload = payload[: data.draw(st.integers(0, len(payload)))]
    with contextlib.suppress(codec.WireError):
        assert set(codec.decode(topics.AUDIO_RAW, bytes(payload))) == set(AudioChunk.__annotations__)


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        (None, "no value"),
        (b"", "byte 0"),
        (b"garbage!", "byte 0"),
        (codec.MARKER + b"12345678", "byte 2"),
        (codec.MARKER + b"123", "byte 2"),
    ],
)
def test_foreign_bytes_are_named_by_their_offset(payload: bytes | None, names: str) -> None:
    with pytest.raises(codec.WireError, match=names):
        codec.decode(topics.AUDIO_RAW, payload)


def test_a_record_with_a_missing_or_wrong_field_is_refused_by_name() -> None:
    with pytest.raises(codec.WireError, match="payload"):
        codec.encode(topics.AUDIO_RAW, {"session_id": "a", "producer_id": "p", "sequence": 0, "session_started_at": 0})


def test_the_fingerprint_is_the_specifications() -> None:
    # Avro 1.12, "Schema Fingerprints": CRC-64-AVRO of "int" is 7275d51a3f395c8f, written in little-endian order.
    assert fingerprint(to_parsing_canonical_form("int"), "CRC-64-AVRO") == "8f5c393f1ad57572"
    header = codec._versions(topics.AUDIO_RAW)[-1].header
    assert header[:2] == codec.MARKER
    assert len(header) == codec.HEADER_BYTES
