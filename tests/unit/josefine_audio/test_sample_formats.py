import av
import numpy as np
import pytest

from josefine_audio.raw import RawDecoder
from josefine_audio.sample_formats import ALAW, MULAW, SAMPLE_FORMATS


@pytest.mark.parametrize(("table", "codec"), [(MULAW, "pcm_mulaw"), (ALAW, "pcm_alaw")])
def test_companding_equals_libav(table: np.ndarray, codec: str) -> None:
    context = av.CodecContext.create(codec, "r")
    context.sample_rate, context.layout = 8_000, "mono"
    (frame,) = context.decode(av.Packet(bytes(range(256))))
    np.testing.assert_array_equal(table, frame.to_ndarray()[0])


@pytest.mark.parametrize(
    ("name", "payload", "expected"),
    [
        ("linear16", np.array([0, 16384, -32768], "<i2").tobytes(), [0, 16384, -32768]),
        ("u8", bytes([128, 192, 0]), [0.0, 0.5, -1.0]),
        ("linear24", b"\x00\x00\x00\x00\x00\x40\x00\x00\x80", [0.0, 0.5, -1.0]),
        ("linear32", np.array([0, 2**30, -(2**31)], "<i4").tobytes(), [0.0, 0.5, -1.0]),
        ("float32", np.array([0.0, 0.5, 7.0, np.nan, -np.inf], "<f4").tobytes(), [0.0, 0.5, 1.0, 0.0, -1.0]),
        ("float64", np.array([0.0, 0.5, -1e300], "<f8").tobytes(), [0.0, 0.5, -1.0]),
    ],
)
def test_samples_are_read(name: str, payload: bytes, expected: list[float]) -> None:
    np.testing.assert_array_equal(SAMPLE_FORMATS[name].read(payload), np.array(expected))


def test_a_begun_sample_waits_for_its_rest() -> None:
    decoder = RawDecoder(SAMPLE_FORMATS["linear16"], 16_000, 2)
    decoder.feed(b"\x01\x00\x02")
    assert decoder.starved
    decoder.feed(b"\x00\x03")
    (block,) = decoder.decode(100)
    assert block.samples.tolist() == [[1, 2]]
    assert decoder.carry == b"\x03"


def test_decoding_is_bounded() -> None:
    decoder = RawDecoder(SAMPLE_FORMATS["mulaw"], 8_000, 1)
    decoder.feed(bytes(1000))
    assert [len(block.samples) for block in decoder.decode(300)] == [300]
    assert decoder.pending_samples == 700
