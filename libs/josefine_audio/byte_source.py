"""The files that a demuxer reads: bytes as they arrive, or a whole file that is kept until it is complete."""

import tempfile
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from josefine_audio.errors import AudioTooLargeError

_SPOOL_MEMORY_BYTES: Final = 256 * 1024
"""Part of a kept file that stays in memory; the rest goes to the disk."""


class ByteSource(Protocol):
    """What a decoder feeds and libav reads."""

    @property
    def position(self) -> int:
        """Byte offset that has been read to."""

    def feed(self, payload: bytes) -> bool:
        """Stores bytes; returns whether there is something to do for the reader."""

    def finish(self) -> None:
        """No more bytes come."""

    def close(self) -> None:
        """Frees what is stored."""


class ByteStream:
    """Bytes in the order of arrival, for a reader that cannot seek and is paused while there are none.

    `wait` returns whether it is worth looking again: False ends the bytes.
    """

    def __init__(self, wait: Callable[[], bool]) -> None:
        self._wait: Final = wait
        self._chunks: deque[memoryview] = deque()
        self._finished = False
        self._position = 0

    @property
    def position(self) -> int:
        return self._position

    def feed(self, payload: bytes) -> bool:
        if payload:
            self._chunks.append(memoryview(payload))
        return bool(payload)

    def finish(self) -> None:
        self._finished = True

    def read(self, size: int) -> bytes:
        """Returns up to `size` bytes; none at the end. Called by libav on the decoder's thread."""
        while not self._chunks:
            if self._finished or not self._wait():
                return b""
        chunk = self._chunks.popleft()
        if len(chunk) > size:
            self._chunks.appendleft(chunk[size:])
        taken = bytes(chunk[:size])
        self._position += len(taken)
        return taken

    def close(self) -> None:
        self._chunks.clear()


class ByteSpool:
    """A file that is kept until it is complete, on the disk when it is large. The reader may seek."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes: Final = limit_bytes
        self._file: Final = tempfile.SpooledTemporaryFile(max_size=_SPOOL_MEMORY_BYTES)  # noqa: SIM115 - see close
        self._size = 0

    @property
    def position(self) -> int:
        return self._file.tell()

    def feed(self, payload: bytes) -> bool:
        """Stores bytes.

        Raises:
            AudioTooLargeError: the limit is passed, or the disk is full.
        """
        self._size += len(payload)
        if self._size > self._limit_bytes:
            raise AudioTooLargeError(
                f"byte {self._limit_bytes}: this container describes its samples at its end and is longer than is "
                "kept here; send it with the description first (faststart) or in another container"
            )
        try:
            self._file.write(payload)
        except OSError as error:  # a full disk must not take the other sessions down
            raise AudioTooLargeError(f"byte {self._size}: no room to keep the file: {error.strerror}") from error
        return False

    def finish(self) -> None:
        self._file.seek(0)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
