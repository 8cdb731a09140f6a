"""Raw Opus packets, one in each chunk."""

from collections import deque
from typing import Final

import av
import av.error
import numpy as np

from josefine_audio.decoder import Block

OPUS_RATE_HZ: Final = 48_000
"""Opus decodes at 48 kHz whatever went in (RFC 6716, section 2)."""
MAX_PACKET_SAMPLES: Final = 5_760
"""120 ms, the longest packet."""

_SILK_SAMPLES: Final = (480, 960, 1920, 2880)
_HYBRID_SAMPLES: Final = (480, 960)
_CELT_SAMPLES: Final = (120, 240, 480, 960)


def packet_samples(packet: bytes) -> int:
    """Returns the packet's length in 48 kHz samples, 0 when its first bytes are no Opus (RFC 6716, section 3.1)."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = _SILK_SAMPLES[config & 3]
    elif config < 16:
        frame = _HYBRID_SAMPLES[config & 1]
    else:
        frame = _CELT_SAMPLES[config & 3]
    if code < 3:
        return frame * (1 if code == 0 else 2)
    samples = frame * (packet[1] & 0x3F) if len(packet) > 1 else 0
    return samples if samples <= MAX_PACKET_SAMPLES else 0


class OpusDecoder:
    """Decodes packets with libopus. An empty chunk holds no packet; a broken packet is silence of its length."""

    def __init__(self, channels: int) -> None:
        self._channels: Final = channels
        self._context: Final = av.CodecContext.create("libopus", "r")
        assert isinstance(self._context, av.AudioCodecContext)  # noqa: S101 - narrows the factory's type
        self._context.sample_rate = OPUS_RATE_HZ
        self._context.layout = "mono" if channels == 1 else "stereo"
        self._packets: deque[bytes] = deque()
        self.last_packet_samples = 0
        """Length of the newest packet, the best guess for one that never arrived."""

    @property
    def starved(self) -> bool:
        return not self._packets

    @property
    def pending_samples(self) -> int:
        return sum(map(packet_samples, self._packets))

    def feed(self, payload: bytes) -> None:
        if payload:
            self._packets.append(payload)

    def finish(self) -> None:
        """Needs nothing: packets stand alone."""

    def decode(self, max_samples: int) -> list[Block]:
        blocks: list[Block] = []
        decoded = 0
        while self._packets and decoded < max_samples:
            block = self._decode_packet(self._packets.popleft())
            decoded += len(block.samples)
            blocks.append(block)
        return blocks

    def _decode_packet(self, packet: bytes) -> Block:
        samples = packet_samples(packet)
        if samples:
            self.last_packet_samples = samples
            try:
                frames = self._context.decode(av.Packet(packet))
            except av.error.FFmpegError:
                frames = []
            if frames:
                flat = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
                return Block(flat.reshape(-1, self._channels), OPUS_RATE_HZ)
        lost = samples or self.last_packet_samples
        return Block(np.zeros((lost, self._channels), np.int16), OPUS_RATE_HZ, gap="decode_error")

    def close(self) -> None:
        self._packets.clear()
