import struct

import numpy as np
import pytest
from made_audio import container_decoder, frames_of, sample_file, signal_of, speechlike

from josefine_audio.wav import read_header


def riff(*chunks: tuple[bytes, bytes], data_size: int | None = None) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(payload) if data_size is None or name != b"data" else data_size) + payload
        + b"\0" * (len(payload) % 2)
        for name, payload in chunks
    )  # fmt: skip
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def fmt(tag: int, channels: int, rate_hz: int, bits: int, extra: bytes = b"") -> tuple[bytes, bytes]:
    block = channels * bits // 8
    return b"fmt ", struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * block, block, bits) + extra


SIGNAL = speechlike(0.5)
DATA = (b"data", SIGNAL.tobytes())


def test_other_chunks_are_no_audio() -> None:
    payload = riff((b"LIST", b"odd"), fmt(1, 1, 16_000, 16), (b"fact", bytes(4)), DATA, (b"LIST", b"x" * 2_000))
    np.testing.assert_array_equal(signal_of(frames_of([payload])), SIGNAL)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_live_writer_does_not_know_the_size(size: int) -> None:
    payload = riff(fmt(1, 1, 16_000, 16), DATA, data_size=size)
    np.testing.assert_array_equal(signal_of(frames_of([payload])), SIGNAL)


def test_extensible_names_the_format_in_its_guid() -> None:
    guid = struct.pack("<HHI", 22, 16, 0) + struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    payload = riff(fmt(0xFFFE, 1, 16_000, 16, guid), DATA)
    np.testing.assert_array_equal(signal_of(frames_of([payload])), SIGNAL)


def test_24_bits_and_float_are_the_same_signal() -> None:
    wide = (SIGNAL.astype("<i4") << 16).tobytes()
    s24 = np.frombuffer(wide, np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    floats = (SIGNAL / 32768.0).astype("<f4").tobytes()
    for tag, bits, samples in ((1, 24, s24), (1, 32, wide), (3, 32, floats)):
        payload = riff(fmt(tag, 1, 16_000, bits), (b"data", samples))
        np.testing.assert_array_equal(signal_of(frames_of([payload])), SIGNAL)


def test_samples_come_with_their_bytes() -> None:
    payload = riff(fmt(1, 1, 16_000, 16), DATA)
    decoder = container_decoder()
    decoder.feed(payload[:45])
    assert decoder.starved
    decoder.feed(payload[45:46])
    assert decoder.pending_samples == 1


def test_an_unfinished_header_waits() -> None:
    assert all(read_header(sample_file("wav")[:length]) is None for length in range(12, 44))


def test_compressed_samples_go_to_the_demuxer() -> None:
    header = read_header(sample_file("wav-adpcm")[:100])
    assert header is not None
    assert header.sample_format is None
