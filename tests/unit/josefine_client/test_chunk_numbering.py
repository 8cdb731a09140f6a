import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_client.chunks import ChunkNumbering, Session
from josefine_client.errors import ClientError, SessionError
from josefine_wire.chunk_faults import MAX_PAYLOAD_BYTES
from josefine_wire.codec import decode, encode


def numbering(session=None, chunk_bytes=64):
    return ChunkNumbering(session or Session("s"), "producer", 1_700_000_000_000, chunk_bytes)


RAW = Session("s", encoding="linear16", sample_rate_hz=16_000, channels=2)


@given(st.lists(st.binary(max_size=300), max_size=6), st.binary(max_size=300), st.integers(4, 100))
def test_any_sends_become_one_numbered_session_with_the_same_bytes(payloads, last, chunk_bytes):
    made = numbering(RAW, chunk_bytes)
    chunks = [chunk for payload in payloads for chunk in made.chunks(payload)] + list(made.chunks(last, end=True))

    assert b"".join(chunk["payload"] for chunk in chunks) == b"".join(payloads) + last
    assert [chunk["sequence"] for chunk in chunks] == list(range(len(chunks)))
    assert [chunk["start"] is not None for chunk in chunks] == [True] + [False] * (len(chunks) - 1)
    assert [chunk["end"] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert all(len(chunk["payload"]) <= chunk_bytes for chunk in chunks)


@given(st.binary(min_size=1, max_size=900).map(lambda some: some * 4), st.integers(4, 100))
def test_no_record_cuts_a_sample_of_all_channels(payload, chunk_bytes):
    chunks = list(numbering(RAW, chunk_bytes).chunks(payload))

    assert all(len(chunk["payload"]) % 4 == 0 for chunk in chunks)


def test_a_chunk_is_a_record_of_the_schema():
    [chunk] = numbering(RAW).chunks(b"abcd", captured_at_us=5, flush=True, end=True)

    back = decode("audio.raw", encode("audio.raw", chunk))

    assert back == chunk
    assert back["start"]["sample_rate_hz"] == 16_000
    assert back["start"]["config"]["mode"] == "LIVE"


def test_a_flush_needs_no_audio_and_an_empty_send_makes_no_record():
    made = numbering()
    first = list(made.chunks(b"audio"))
    flushed = list(made.chunks(b"", flush=True))

    assert list(made.chunks(b"")) == []
    assert [chunk["flush"] for chunk in first + flushed] == [False, True]


def test_flush_and_end_stand_on_the_last_piece_only():
    chunks = list(numbering().chunks(b"x" * 130, flush=True, end=True))

    assert [(chunk["flush"], chunk["end"]) for chunk in chunks] == [(False, False), (False, False), (True, True)]


def test_an_opus_packet_stays_whole():
    opus = Session("s", encoding="opus", sample_rate_hz=48_000, channels=1)
    [chunk] = numbering(opus).chunks(b"p" * 500)

    assert len(chunk["payload"]) == 500
    with pytest.raises(SessionError, match="opus packet"):
        list(numbering(opus).chunks(b"p" * (MAX_PAYLOAD_BYTES + 1)))


def test_nothing_follows_the_end():
    made = numbering()
    list(made.chunks(b"a", end=True))

    with pytest.raises(SessionError, match="has ended"):
        list(made.chunks(b"b"))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"session_id": ""}, "session id"),
        ({"session_id": "x" * 129}, "129 characters"),
        ({"session_id": "call/7"}, "must not contain '/'"),
        ({"encoding": "mp3"}, "encoding 'mp3'"),
        ({"encoding": "linear16", "channels": 1}, "sample rate 0 Hz"),
        ({"encoding": "mulaw", "sample_rate_hz": 96_000, "channels": 1}, "96000"),
        ({"encoding": "alaw", "sample_rate_hz": 8_000}, "channels 0"),
    ],
)
def test_a_wrong_session_is_refused_by_the_name_of_what_is_wrong(wrong, named):
    with pytest.raises(ClientError, match=named):
        Session(**{"session_id": "s", **wrong})


@pytest.mark.parametrize("chunk_bytes", [3, MAX_PAYLOAD_BYTES + 1])
def test_a_chunk_size_must_hold_a_sample_and_fit_a_record(chunk_bytes):
    with pytest.raises(SessionError, match="chunk size"):
        numbering(RAW, chunk_bytes)
