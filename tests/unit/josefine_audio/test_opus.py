import av
import numpy as np
import pytest
from made_audio import frames_of, signal_of, speechlike

from josefine_audio.encodings import open_decoder
from josefine_audio.opus import packet_samples
from josefine_audio.stream import AudioStream, StreamOptions


def packets(seconds: float = 1.0, channels: int = 1) -> list[bytes]:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, {1: "mono", 2: "stereo"}[channels], "s16"
    encoder.open()
    signal = speechlike(seconds, 48_000, channels)
    made = []
    for at in range(0, len(signal) - 959, 960):
        frame = av.AudioFrame.from_ndarray(signal[at : at + 960].reshape(1, -1), "s16", encoder.layout.name)
        frame.sample_rate, frame.pts = 48_000, at
        made += [bytes(packet) for packet in encoder.encode(frame)]
    return made


def opus_stream(channels: int = 1, *, multichannel: bool = False) -> AudioStream:
    return AudioStream(open_decoder("opus", 0, channels, spool_limit_bytes=0), StreamOptions(1_600, multichannel))


def test_a_packet_a_chunk() -> None:
    made = packets()
    assert {packet_samples(packet) for packet in made} == {960}
    decoder = open_decoder("opus", 48_000, 1, spool_limit_bytes=0)
    signal = signal_of(frames_of([*made[:10], b"", *made[10:]], decoder))
    assert len(signal) == 320 * len(made)
    assert np.abs(signal).max() > 3_000


def test_stereo_is_kept_apart_when_asked() -> None:
    stream = opus_stream(2, multichannel=True)
    for packet in packets(channels=2):
        stream.feed(packet)
        stream.step(48_000)
    assert stream.channels == 2
    stream.close()


@pytest.mark.parametrize("broken", [b"\xff", b"\x03", b"\xfb\xff\x00garbage", bytes(1_000)])
def test_a_broken_packet_is_a_gap(broken: bytes) -> None:
    made = packets()
    frames = frames_of([*made[:10], broken, *made[10:]], open_decoder("opus", 0, 0, spool_limit_bytes=0))
    assert len(signal_of(frames)) >= 320 * len(made)
    gaps = [gap for frame in frames for gap in frame.gaps]
    assert all(gap["reason"] == "decode_error" for gap in gaps)


@pytest.mark.parametrize(
    ("packet", "samples"),
    [(b"", 0), (b"\x00", 480), (b"\x18", 2_880), (b"\x60", 480), (b"\x80", 120), (b"\xfc", 960), (b"\xfd", 1_920),
     (b"\xff\x03", 2_880), (b"\xff\x3f", 0), (b"\xff", 0)],
)  # fmt: skip
def test_the_first_bytes_tell_the_length(packet: bytes, samples: int) -> None:
    assert packet_samples(packet) == samples
