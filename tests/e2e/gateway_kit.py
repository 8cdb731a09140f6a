"""What tests of the gateway need beside its clients: audio in every encoding, and a server to fetch from and tell."""

import hashlib
import hmac
import io
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
from deepgram import AsyncDeepgramClient, DeepgramClient, DeepgramClientEnvironment

RATE_HZ = 16_000
PIECE_BYTES = 6_400
PATIENCE_S = 60.0
CALLBACK_SECRET = "a secret of sixteen"


def deepgram_at(
    gateway, kind: type = DeepgramClient, key: str = "any", **more: str
) -> DeepgramClient | AsyncDeepgramClient:
    """Returns a client of deepgram-sdk, of the one or the other kind, of which nothing was changed but the URLs."""
    environment = DeepgramClientEnvironment(
        base=gateway.url, production=gateway.ws_url, agent=gateway.ws_url, agent_rest=gateway.url
    )
    return kind(api_key=key, environment=environment, max_retries=0, **more)


def pieces(audio: bytes) -> list[bytes]:
    """Returns audio in pieces of a fifth of a second, where it is linear16 at 16 kHz."""
    return [audio[at : at + PIECE_BYTES] for at in range(0, len(audio), PIECE_BYTES)]


def linear16(samples: np.ndarray) -> bytes:
    """Returns int16 samples, [samples] or [samples, channels], as raw audio."""
    return np.ascontiguousarray(samples, "<i2").tobytes()


def silence(seconds: float) -> bytes:
    """Returns linear16 at 16 kHz, mono, of nobody who speaks."""
    return bytes(2 * int(seconds * RATE_HZ))


def packets(samples: np.ndarray, codec: str, rate_hz: int = RATE_HZ) -> list[bytes]:
    """Returns int16 samples at 16 kHz, mono, as the packets of a codec."""
    encoder = av.CodecContext.create(codec, "w")
    encoder.sample_rate, encoder.layout = rate_hz, "mono"
    encoder.format = "s16"
    encoder.open()
    resampler = av.AudioResampler("s16", "mono", rate_hz, frame_size=encoder.frame_size or None)
    frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
    frame.sample_rate = RATE_HZ
    resampled = [*resampler.resample(frame), *resampler.resample(None)]
    return [bytes(packet) for each in [*resampled, None] for packet in encoder.encode(each)]


def container(samples: np.ndarray, form: str, codec: str) -> bytes:
    """Returns int16 samples at 16 kHz, mono, as a file that can be written without going back: ogg, webm, flac."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as output:
        stream = output.add_stream(codec, rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate = RATE_HZ
        output.mux([packet for each in (frame, None) for packet in stream.encode(each)])
    return buffer.getvalue()


@dataclass(frozen=True)
class Told:
    """A callback that came."""

    method: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self):
        """The JSON in it."""
        return json.loads(self.body)


def require_signed(told: Told) -> None:
    """Fails where a callback was not signed with the key's secret."""
    stamp, _, signature = told.headers["josefine-signature"].removeprefix("t=").partition(",v1=")
    signed = stamp.encode() + b"." + told.body
    assert signature == hmac.new(CALLBACK_SECRET.encode(), signed, hashlib.sha256).hexdigest()


class Neighbour:
    """An HTTP server on this machine: gives a folder's files, and takes callbacks."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._told: queue.Queue[Told] = queue.Queue()

    def take(self, told: Told) -> None:
        """Keeps what came."""
        self._told.put(told)

    def told(self) -> Told:
        """Returns the next callback, waiting for it."""
        return self._told.get(timeout=PATIENCE_S)


@contextmanager
def neighbour(folder: Path) -> Iterator[Neighbour]:
    """Gives one that serves a folder."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            file = folder / Path(self.path).name
            self._answer(file.read_bytes() if file.is_file() else None)

        def do_PUT(self):
            self.do_POST()

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            known.take(Told(self.command, {name.lower(): value for name, value in self.headers.items()}, body))
            self._answer(b"")

        def _answer(self, body):
            self.send_response(404 if body is None else 200)
            self.send_header("content-length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known = Neighbour(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield known
        finally:
            server.shutdown()
