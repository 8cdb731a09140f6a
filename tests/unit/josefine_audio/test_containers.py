import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_audio import (
    CONTAINERS,
    LOSSLESS,
    container_decoder,
    cut,
    encoded,
    frames_of,
    sample_file,
    signal_of,
    speechlike,
)

from josefine_audio.encodings import open_decoder
from josefine_audio.errors import AudioTooLargeError
from josefine_audio.stream import AudioStream, StreamOptions

SECONDS = 2.0
PADDING_S = 0.13
"""An encoder's frame and its delay, where the container does not say how much of it is audio."""


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_its_audio_back(name: str) -> None:
    signal = signal_of(frames_of([sample_file(name, SECONDS)]))[:, 0]
    original = speechlike(SECONDS)[:, 0]
    assert SECONDS - 0.01 <= len(signal) / 16_000 <= SECONDS + PADDING_S
    if name in LOSSLESS:
        np.testing.assert_array_equal(signal, original)
    else:
        assert _best_correlation(signal, original) > 0.95


def _best_correlation(signal: np.ndarray, original: np.ndarray) -> float:
    """The best match within the padding."""
    spectrum = np.fft.rfft(signal, 2**17) * np.conj(np.fft.rfft(original, 2**17))
    shifted = np.fft.irfft(spectrum)[: round(PADDING_S * 16_000)]
    norm = np.linalg.norm(signal.astype(float)) * np.linalg.norm(original.astype(float))
    return float(shifted.max() / norm)


@pytest.mark.parametrize("name", CONTAINERS)
@settings(max_examples=8, deadline=None)
@given(borders=st.lists(st.integers(0, 10**6), max_size=12))
def test_where_the_bytes_are_cut_does_not_matter(name: str, borders: list[int]) -> None:
    payload = sample_file(name, SECONDS)
    whole = signal_of(frames_of([payload]))
    assert signal_of(frames_of(cut(payload, borders))).tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", ["wav", "flac", "ogg-opus", "webm-opus"])
def test_single_bytes_are_enough(name: str) -> None:
    payload = sample_file(name, 0.3)
    whole = signal_of(frames_of([payload]))
    assert signal_of(frames_of(payload[at : at + 1] for at in range(len(payload)))).tobytes() == whole.tobytes()


@pytest.mark.parametrize(
    ("name", "behind_s"),
    # FLAC's parser looks ten frames ahead; MPEG and AAC wait until the header's claims are borne out.
    [("wav", 0.1), ("wav-mulaw", 0.1), ("ogg-opus", 1.2), ("webm-opus", 1.2), ("mp3", 1.5), ("adts", 1.5),
     ("flac", 4.0), ("mp4-fragmented", 1.5), ("mp4-faststart", 1.5)],
)  # fmt: skip
def test_audio_comes_out_while_bytes_arrive(name: str, behind_s: float) -> None:
    seconds = 8.0
    payload = sample_file(name, seconds)
    stream = AudioStream(container_decoder(), StreamOptions(1_600, multichannel=False))
    try:
        worst_s = 0.0
        for at in range(0, len(payload), 500):
            stream.feed(payload[at : at + 500])
            while stream.pending:
                stream.step(48_000)
            worst_s = max(worst_s, at / len(payload) * seconds - stream.position / 16_000)
        assert worst_s < behind_s
    finally:
        stream.close()


def test_a_description_at_the_end_waits_for_the_end() -> None:
    payload = sample_file("m4a")
    stream = AudioStream(container_decoder(), StreamOptions(1_600, multichannel=False))
    stream.feed(payload)
    assert not stream.pending
    stream.finish()
    assert stream.pending
    stream.close()


def test_what_must_be_kept_is_limited() -> None:
    decoder = open_decoder("container", 0, 0, spool_limit_bytes=1_000)
    with pytest.raises(AudioTooLargeError, match=r"byte 1000.*faststart"):
        decoder.feed(sample_file("m4a"))
    decoder.close()


def test_ten_minutes_of_silence_come_in_bounded_steps() -> None:
    silence = encoded("flac", np.zeros((600 * 16_000, 1), np.int16), 16_000)
    assert len(silence) < 128 * 1024
    decoder = container_decoder()
    decoder.feed(silence)
    decoder.finish()
    steps = []
    while not decoder.starved:
        steps.append(sum(len(block.samples) for block in decoder.decode(16_000)))
    decoder.close()
    assert sum(steps) == 600 * 16_000
    assert max(steps) < 16_000 + 4_608


@pytest.mark.parametrize("name", ["wav", "flac"])
@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_channels_are_kept_apart_or_mixed(name: str, rate_hz: int) -> None:
    payload = sample_file(name, 1.0, rate_hz, 2)
    apart = signal_of(frames_of([payload], options=StreamOptions(1_600, multichannel=True)))
    mixed = signal_of(frames_of([payload], options=StreamOptions(1_600, multichannel=False)))
    assert (apart.shape[1], mixed.shape[1]) == (2, 1)
    assert np.abs(apart.astype(float).mean(axis=1) - mixed[:, 0]).max() <= 1.0
    alone = encoded(name, speechlike(1.0, rate_hz, 2)[:, :1].copy(), rate_hz)
    np.testing.assert_array_equal(signal_of(frames_of([alone]))[:, 0], apart[:, 0])


def test_vorbis_in_stereo() -> None:
    payload = sample_file("ogg-vorbis", SECONDS, 44_100, 2)
    whole = signal_of(frames_of([payload]))
    assert abs(len(whole) / 16_000 - SECONDS) < PADDING_S
    assert signal_of(frames_of(cut(payload, range(0, len(payload), 777)))).tobytes() == whole.tobytes()


def test_a_name_in_front_of_mp3_is_no_obstacle() -> None:
    picture = bytes(100_000)
    size = len(picture) + 10
    tag = b"ID3\x03\x00\x00" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    payload = tag + b"PRIV" + len(picture).to_bytes(4, "big") + b"\0\0" + picture + sample_file("mp3")
    signal = signal_of(frames_of(cut(payload, range(0, len(payload), 4_096))))
    assert len(signal) > 1.9 * 16_000


def test_tags_may_be_in_any_encoding() -> None:
    payload = sample_file("aiff")
    tagged = payload[:12] + b"NAME\0\0\0\x04\xe9t\xe9\xff" + payload[12:]
    assert signal_of(frames_of([tagged])).tobytes() == signal_of(frames_of([payload])).tobytes()


def test_spliced_streams_go_on() -> None:
    """Two recordings of different rates in one ADTS stream."""
    payload = sample_file("adts", 1.0, 16_000) + sample_file("adts", 1.0, 44_100)
    assert 1.95 < len(signal_of(frames_of([payload]))) / 16_000 < 2.3


def test_forgotten_sessions_leave_no_thread() -> None:
    before = threading.active_count()
    decoders = []
    for name in ("flac", "webm-opus", "mp3", "m4a", "mp4-fragmented", "aiff"):
        for share in (0.0, 0.3, 1.0):
            payload = sample_file(name)
            decoder = container_decoder()
            decoder.feed(payload[: round(share * len(payload))])
            decoder.decode(100)
            decoders.append(decoder)
    assert threading.active_count() > before
    for decoder in decoders:
        decoder.close()
        decoder.close()
    assert threading.active_count() == before
