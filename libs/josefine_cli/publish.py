"""`josefine publish`: a producer. Sends a file, standard input or a microphone; what comes of it is read elsewhere."""

import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from josefine_cli.engine import require_broker
from josefine_cli.errors import CliError
from josefine_cli.microphone import RATE_HZ, microphone_samples
from josefine_cli.recordings import UnreadableFileError, check_readable, paced_pieces, whole_pieces
from josefine_cli.sessions import SessionOptions
from josefine_client.chunks import Session
from josefine_client.errors import ClientError
from josefine_client.pacing import Piece
from josefine_client.publisher import Publisher, SessionPublisher
from josefine_kafka.connection import Broker

FileEncoding = Literal["container", "linear16", "mulaw", "alaw"]
"""What bytes can be without borders between them; an opus packet would lose its own."""
STDIN_BYTES: Final = 32 * 1024
"""Most bytes taken from a pipe at once; a slow pipe is read as it gives them."""


def publish(
    file: Annotated[
        str, typer.Argument(metavar="[FILE|-]", help="A recording, or - for standard input.", show_default=False)
    ] = "",
    microphone: Annotated[bool, typer.Option("--microphone", help="Send the microphone until Ctrl-C.")] = False,
    device: Annotated[str, typer.Option(help="Microphone, as the system names it. Default: the system's.")] = "",
    session: Annotated[str, typer.Option(help="Session id. Default: a new one.", show_default=False)] = "",
    encoding: Annotated[
        FileEncoding, typer.Option(help="container, or raw samples: linear16, mulaw, alaw.")
    ] = "container",
    rate: Annotated[int, typer.Option(help="Sample rate of raw samples, in Hz.")] = 16_000,
    channels: Annotated[int, typer.Option(help="Interleaved channels of raw samples.")] = 1,
    live: Annotated[
        bool, typer.Option("--live", help="Interim results and endpoints; a file goes at speed 1.")
    ] = False,
    speed: Annotated[float | None, typer.Option(min=0.01, help="Audio seconds of a file sent a second.")] = None,
    model: Annotated[str, typer.Option(help="Acoustic model. Default: the engine's.")] = "",
    multichannel: Annotated[bool, typer.Option("--multichannel", help="Keep channels apart.")] = False,
    seconds: Annotated[float | None, typer.Option("--for", min=0.1, help="Stop after so many seconds.")] = None,
) -> None:
    """Send audio to the running engine. Prints the session id; `josefine tail transcripts --session ID` follows it."""
    if bool(file) == microphone:
        raise CliError("name one source: a FILE, - for standard input, or --microphone", 2)
    if microphone:
        encoding, rate, channels = "linear16", RATE_HZ, 1
    live = live or microphone
    options = SessionOptions(live=live, model=model, multichannel=multichannel)
    raw = encoding != "container"
    try:
        described = Session(
            session or uuid.uuid4().hex, options.config(), encoding, rate if raw else 0, channels if raw else 0
        )
        broker = require_broker()
        pieces = _microphone(device) if microphone else _pieces(file, described, paced=live or speed is not None)
        _publish(broker, described, pieces, (speed or 1.0) if file not in ("", "-") else None, seconds)
    except (ClientError, UnreadableFileError) as error:
        raise CliError(str(error)) from error


def _pieces(file: str, session: Session, *, paced: bool) -> Iterator[Piece]:
    """Returns the bytes of the source, with times where they are to be paced."""
    if file == "-":
        return _standard_input()
    path = Path(file)
    check_readable(path)
    return paced_pieces(path, session) if paced else whole_pieces(path)


def _microphone(device: str) -> Iterator[Piece]:
    samples = microphone_samples(device)
    # The first ones are taken before a session is made: without a microphone there is none.
    return chain([next(samples)], samples)


def _standard_input() -> Iterator[Piece]:
    # os.read gives what is there: a live pipe must not wait for a full buffer.
    while payload := os.read(sys.stdin.fileno(), STDIN_BYTES):
        yield Piece(payload, 0.0)


def _publish(
    broker: Broker, session: Session, pieces: Iterator[Piece], speed: float | None, limit_s: float | None
) -> None:
    print(session.session_id, flush=True)
    with Publisher.connect(broker) as publisher, publisher.open(session) as sender:
        try:
            _send(sender, pieces, speed, limit_s)
        except KeyboardInterrupt:
            # The usual end of a live source: what was said so far is to be transcribed.
            print("josefine: stopped; ending the session", file=sys.stderr)
        except OSError as error:
            raise CliError(f"the audio cannot be read on: {error.strerror or error}") from error


def _send(sender: SessionPublisher, pieces: Iterator[Piece], speed: float | None, limit_s: float | None) -> None:
    """Sends pieces when they are due: deadlines from the start, so that no delay adds up."""
    start_s, start_epoch_s = time.monotonic(), time.time()
    pause = threading.Event()
    for piece in pieces:
        due_s = piece.audio_s / speed if speed else 0.0
        if limit_s is not None and max(due_s, time.monotonic() - start_s) > limit_s:
            return
        pause.wait(max(start_s + due_s - time.monotonic(), 0.0))
        sender.send(piece.payload, captured_at_us=_captured_at_us(sender.session, start_epoch_s, due_s))


def _captured_at_us(session: Session, start_epoch_s: float, due_s: float) -> int | None:
    """Returns the time for which a piece was due, None (now) for live bytes without times, 0 (unknown) for others."""
    if due_s:
        return int((start_epoch_s + due_s) * 1_000_000)
    return None if session.config["mode"] == "LIVE" else 0
