"""Whether a frame is worked on: duplicates, holes, wrong input. Pure."""

from enum import Enum
from typing import Final, NamedTuple

from josefine_speech.features import SAMPLE_BYTES
from josefine_stage.handler import Rejection
from josefine_wire.positions import SAMPLE_RATE_HZ
from josefine_wire.records import AudioFrame

LONGEST_FRAME_S: Final = 60
"""Ingest cuts frames of four seconds at the most; a minute bounds the work and the memory of one record."""
LONGEST_FILL_SAMPLES: Final = 30 * SAMPLE_RATE_HZ
"""Missing audio up to Whisper's window of 30 s is filled with silence; a longer gap is jumped over."""


AFTER_END: Final = "after_end"
UNKNOWN_SESSION: Final = "unknown_session"


class Known(Enum):
    """A frame that was worked on before."""

    DUPLICATE = "duplicate"


class Admission(NamedTuple):
    """A frame to be worked on."""

    frame: AudioFrame
    """As it is worked on: one that is rejected has its marks alone."""
    missing_samples: int
    """Audio that never arrived between the frame before and this one."""
    rejection: Rejection | None = None
    """Why its audio is not taken."""


class Cursor(NamedTuple):
    """Where a channel stands."""

    next_sequence: int
    position: int
    """Samples so far."""
    closed: str


def judge(cursor: Cursor, frame: AudioFrame) -> Admission | Known | Rejection:
    """Returns what is to be done with a channel's next frame.

    A frame whose audio is rejected still begins, flushes or ends the channel: somebody waits for the answer, and
    nothing else would.

    Codes of rejection: after_end, unknown_session, bad_sequence, bad_samples, bad_position.
    """
    if 0 <= frame["sequence"] < cursor.next_sequence:
        return Known.DUPLICATE
    misplaced = _misplaced(cursor, frame)
    if misplaced:
        return misplaced
    rejection = _malformed(frame) or _too_early(cursor, frame)
    if rejection and not (frame["start"] or frame["flush"] or frame["end"]):
        return rejection
    taken = _without_audio(cursor, frame) if rejection else frame
    return Admission(taken, taken["start_sample"] - cursor.position, rejection)


def _misplaced(cursor: Cursor, frame: AudioFrame) -> Rejection | None:
    sequence = frame["sequence"]
    if sequence < 0:
        return Rejection("bad_sequence", f"sequence: {sequence} is below 0")
    if cursor.closed == AFTER_END:
        return Rejection(AFTER_END, f"sequence: {sequence} after the channel's end at {cursor.next_sequence - 1}")
    if cursor.closed or cursor.next_sequence == 0 < sequence:
        return Rejection(UNKNOWN_SESSION, f"sequence: {sequence}, and the channel's frame 0 is not known")
    return None


def _malformed(frame: AudioFrame) -> Rejection | None:
    size = len(frame["samples"])
    if size % SAMPLE_BYTES:
        return Rejection("bad_samples", f"samples: {size} bytes, not a whole number of 16-bit samples")
    if size > LONGEST_FRAME_S * SAMPLE_RATE_HZ * SAMPLE_BYTES:
        return Rejection("bad_samples", f"samples: {size} bytes, more than {LONGEST_FRAME_S} s")
    for gap in frame["gaps"]:
        if gap["start_sample"] < 0 or gap["samples"] < 0:
            return Rejection("bad_position", f"gaps: {gap['samples']} samples at {gap['start_sample']}, below 0")
    end = frame["end"]
    if end and end["samples"] < 0:
        return Rejection("bad_position", f"end.samples: {end['samples']} is below 0")
    return None


def _too_early(cursor: Cursor, frame: AudioFrame) -> Rejection | None:
    start = frame["start_sample"]
    if start < 0:
        return Rejection("bad_position", f"start_sample: {start} is below 0")
    if start < cursor.position:
        return Rejection(
            "bad_position", f"start_sample: {start} is before the end of the last frame, {cursor.position}"
        )
    return None


def _without_audio(cursor: Cursor, frame: AudioFrame) -> AudioFrame:
    """Returns what is left of a frame whose audio is rejected: its marks, behind what was heard; where it ends the
    channel, behind all there was, as far as it tells.
    """
    bare, end, position = frame.copy(), frame["end"], cursor.position
    if end:
        said = frame["start_sample"] + len(frame["samples"]) // SAMPLE_BYTES
        position = max(position, end["samples"], said)
        bare["end"] = {**end, "samples": position}
    bare["start_sample"], bare["samples"], bare["gaps"] = position, b"", []
    return bare
