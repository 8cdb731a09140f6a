"""The microphone, through FFmpeg's input devices in PyAV's wheels: ALSA on Linux, AVFoundation on macOS."""

import sys
from collections.abc import Iterator
from typing import Any, Final

import av
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from josefine_cli.errors import CliError
from josefine_client.pacing import Piece

RATE_HZ: Final = 16_000
"""What the engine works at; the device's own rate is converted."""
INPUTS: Final = {"linux": ("alsa", "default"), "darwin": ("avfoundation", ":default")}
"""Input format of FFmpeg by platform, and the name of the usual device."""
OTHER_WAY: Final = "pipe what another program records into josefine publish -"


def microphone_samples(device: str = "") -> Iterator[Piece]:
    """Yields linear16 mono at 16 kHz as it is recorded, without end.

    Args:
        device: as the system names it; empty: the system's choice.

    Raises:
        CliError: there is no microphone, or it may not be used.
        OSError: the device has gone.
    """
    container = _open(device)
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with container:
        for frame in container.decode(audio=0):
            for converted in resampler.resample(frame):
                yield Piece(converted.to_ndarray().tobytes(), 0.0)


def _open(device: str) -> Any:
    format_, default = INPUTS.get(sys.platform, ("", ""))
    if format_ not in av.formats_available:
        raise CliError(f"no way is known here to record on {sys.platform}: {OTHER_WAY}")
    name = device or default
    try:
        return av.open(name, format=format_)
    except (FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CliError(f"{format_} cannot open {name!r}: {reason}; name another by --device, or {OTHER_WAY}") from error
