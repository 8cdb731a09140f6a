"""Containers and codecs through libav, in bounded steps while the bytes still arrive."""

from collections.abc import Iterator
from typing import Any, Final

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from josefine_audio.byte_source import ByteSource, ByteSpool, ByteStream
from josefine_audio.decoder import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, Block
from josefine_audio.errors import AudioError, BrokenAudioError, DecoderFaultError, UnsupportedAudioError
from josefine_audio.pump import Pump, PumpStoppedError
from josefine_audio.sniff import Container
from josefine_audio.timeline import Timeline

_ANY_MPEG: Final = "mp3,aac"
_OPTIONS: Final = {
    # Half a second of look-ahead for what the header leaves open; libav's own 5 MB and 5 s would be latency.
    "probesize": "32768",
    "analyzeduration": "500000",
    # A container must not name other files or hosts.
    "protocol_whitelist": "",
}
_OPEN_ARGUMENTS: Final[dict[str, Any]] = (
    # Tags may be in any encoding and are not looked at; PyAV 19 needs no telling.
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
_MOST_READ_ERRORS: Final = 32
"""Unreadable places in a row after which a container is given up: each one skips ahead to the next packet."""


class DemuxedDecoder:
    """Runs a demuxer and a decoder on a thread that waits for bytes. `close` ends the thread."""

    def __init__(self, container: Container, spool_limit_bytes: int) -> None:
        self._demuxer: Final = container.demuxer
        self._streaming: Final = container.streamable
        self._pump: Final = Pump(self._run, "demuxer")
        self._source: Final[ByteSource] = (
            ByteStream(self._wait_for_bytes) if container.streamable else ByteSpool(spool_limit_bytes)
        )
        self._starved = True
        self._error: AudioError | None = None
        self._timeline: Final = Timeline()
        self._wanted = 0

    @property
    def starved(self) -> bool:
        return self._starved

    @property
    def pending_samples(self) -> int:
        return 0

    def feed(self, payload: bytes) -> None:
        if self._source.feed(payload):
            self._starved = False

    def finish(self) -> None:
        self._source.finish()
        self._starved = False

    def decode(self, max_samples: int) -> list[Block]:
        if self._error is None and not self._starved:
            self._wanted = max_samples
            try:
                self._pump.resume()
            except AudioError as error:
                self._error = error
        self._starved = self._starved or self._pump.finished
        blocks = self._timeline.take()
        if self._error is not None:
            if not blocks:
                raise self._error
            self._starved = False  # the next call raises
        return blocks

    def close(self) -> None:
        self._wanted = 0  # the body stops at the next frame
        self._pump.stop()
        self._source.close()

    def _wait_for_bytes(self) -> bool:
        """Called by libav, which swallows or prints exceptions: a stop looks like the end of the bytes."""
        self._starved = True
        try:
            self._pump.pause()
        except PumpStoppedError:
            return False
        return True

    def _run(self) -> None:
        """The body of the thread."""
        try:
            self._read_container()
        except (AudioError, PumpStoppedError):
            raise
        except Exception as error:  # whatever a foreign library makes of foreign bytes ends their session alone
            raise DecoderFaultError(f"byte {self._source.position}: {type(error).__name__} in the decoder") from error

    def _read_container(self) -> None:
        try:
            container = av.open(
                self._source,
                mode="r",
                format=self._demuxer,
                options={**_OPTIONS, "format_whitelist": self._demuxer or _ANY_MPEG},
                **_OPEN_ARGUMENTS,
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise UnsupportedAudioError(
                f"byte {self._source.position}: not readable as {self._demuxer or 'any known audio container'}"
            ) from error
        with container:
            self._read_stream(container)

    def _read_stream(self, container: InputContainer) -> None:
        stream = next(iter(container.streams.audio), None)
        if stream is None or stream.codec_context is None:
            what = "no audio stream" if stream is None else "an audio codec that is not known here"
            raise UnsupportedAudioError(f"byte {self._source.position}: {self._demuxer or 'the file'} with {what}")
        stream.codec_context.thread_count = 1  # one stage thread, many sessions: codec threads would only queue up
        for packet in self._packets(container, stream):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self._timeline.put_damage(stream, packet.duration)
                self._rest()
            else:
                for frame in frames:
                    self._put(frame)
        if self._timeline.all_damaged:
            raise BrokenAudioError(f"byte {self._source.position}: nothing in the audio stream can be decoded")

    def _packets(self, container: InputContainer, stream: AudioStream) -> Iterator[Any]:
        errors = 0
        while True:
            try:
                for packet in container.demux(stream):
                    errors = 0
                    yield packet
            except av.error.FFmpegError as error:
                errors += 1
                if errors > _MOST_READ_ERRORS:
                    raise BrokenAudioError(f"byte {self._source.position}: the container cannot be read on") from error
                self._timeline.put_damage(stream, None)
            else:
                return

    def _put(self, frame: AudioFrame) -> None:
        if not LOWEST_RATE_HZ <= frame.sample_rate <= HIGHEST_RATE_HZ:
            raise UnsupportedAudioError(f"byte {self._source.position}: sampling rate {frame.sample_rate} Hz")
        self._timeline.put(frame)
        self._rest()

    def _rest(self) -> None:
        """Gives control back when there is as much as was asked for."""
        if self._timeline.samples >= self._wanted:
            self._pump.pause()
