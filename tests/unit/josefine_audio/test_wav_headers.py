import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_audio import container_decoder, cut, frames_of, sample_file, signal_of, speechlike

from josefine_audio.errors import UnsupportedAudioError
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


def heard_until_the_fault(pieces: list[bytes]) -> tuple[bytes, str]:
    """Returns the samples that come out, and the error that ends them."""
    heard = bytearray()

    def hear() -> None:
        decoder = container_decoder()
        for piece in pieces:
            decoder.feed(piece)
            while not decoder.starved:
                heard.extend(b"".join(block.samples.tobytes() for block in decoder.decode(3_000)))

    with pytest.raises(UnsupportedAudioError) as fault:
        hear()
    return bytes(heard), str(fault.value)


@pytest.mark.parametrize("magic", [b"RIFF", b"RIFX", b"RF64"])
@settings(max_examples=25, deadline=None)
@given(borders=st.lists(st.integers(0, 10**6) | st.integers(16_040, 16_060), max_size=6))
def test_another_file_behind_the_samples_is_an_error_however_the_bytes_are_cut(
    magic: bytes, borders: list[int]
) -> None:
    one = riff(fmt(1, 1, 16_000, 16), DATA)
    heard, fault = heard_until_the_fault(cut(one + magic + one[4:] + one, borders))
    assert heard == SIGNAL.tobytes()
    assert fault == (
        f"WAV: another header at byte {len(one)}, behind the samples that the first announces: send one header and "
        "then samples alone, or raw linear16"
    )


@pytest.mark.parametrize("pad", [b"", b"\0"])
def test_another_file_may_follow_a_byte_of_padding(pad: bytes) -> None:
    header = riff(fmt(7, 1, 16_000, 8), (b"data", b""), data_size=1_001)
    one = header + b"\xff" * 1_001 + pad
    _, fault = heard_until_the_fault([one, one])
    assert f"at byte {len(one)}," in fault


@pytest.mark.parametrize(
    "behind", [b"RIFF", b"RIFF\0\0\0\0AVI ", b"LIST\4\0\0\0WAVE", bytes(44), b"\0RIFF\0\0\0\0WAVE", b"RIFF" * 500]
)
def test_what_else_follows_the_samples_is_left_out(behind: bytes) -> None:
    payload = riff(fmt(1, 1, 16_000, 16), DATA) + behind
    np.testing.assert_array_equal(signal_of(frames_of(cut(payload, [len(payload) - 3]))), SIGNAL)
