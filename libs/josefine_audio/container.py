"""The decoder of a session that only says "container": it looks at the first bytes and picks the reader."""

from typing import Final

from josefine_audio.decoder import Block, Decoder
from josefine_audio.demuxed import DemuxedDecoder
from josefine_audio.sniff import Container, sniff
from josefine_audio.wav_samples import WavDecoder


class ContainerDecoder:
    """Keeps the first bytes until they say what they are."""

    def __init__(self, spool_limit_bytes: int) -> None:
        self._spool_limit_bytes: Final = spool_limit_bytes
        self._prefix = bytearray()
        self._complete = False
        self._reader: Decoder | None = None

    @property
    def starved(self) -> bool:
        return self._reader.starved if self._reader is not None else not self._complete or not self._prefix

    @property
    def pending_samples(self) -> int:
        return self._reader.pending_samples if self._reader is not None else 0

    def feed(self, payload: bytes) -> None:
        if self._reader is not None:
            self._reader.feed(payload)
            return
        self._prefix += payload
        container = sniff(self._prefix, complete=False)
        if container is not None:
            self._open(container)

    def finish(self) -> None:
        self._complete = True
        if self._reader is None and self._prefix:
            container = sniff(self._prefix, complete=True)
            assert container is not None  # noqa: S101 - sniff's promise for complete bytes
            self._open(container)
        if self._reader is not None:
            self._reader.finish()

    def decode(self, max_samples: int) -> list[Block]:
        return self._reader.decode(max_samples) if self._reader is not None else []

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def _open(self, container: Container) -> None:
        prefix, self._prefix = bytes(self._prefix), bytearray()
        wav = container.wav
        if wav is not None and wav.sample_format is not None:
            self._reader = WavDecoder(wav.sample_format, wav)
            prefix = prefix[wav.samples_at :]
        else:
            self._reader = DemuxedDecoder(container, self._spool_limit_bytes)
        self._reader.feed(prefix)
