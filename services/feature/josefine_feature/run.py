"""The frames of one channel that are worked on together: what they need, and what comes of them."""

from typing import Final

from josefine_feature.admission import (
    AFTER_END,
    LONGEST_FILL_SAMPLES,
    UNKNOWN_SESSION,
    Admission,
    Cursor,
    Known,
    judge,
)
from josefine_feature.outputs import Admitted
from josefine_feature.session import Session
from josefine_speech import grid
from josefine_speech.features import SAMPLE_BYTES, Stream, Stretch
from josefine_stage.handler import Input, Progress, Rejection
from josefine_wire.records import AudioFrame, Gap

MISSING_FRAMES: Final = "missing_frames"


class Run:
    """Takes frames as long as their audio hangs together. Lives for one turn."""

    def __init__(self, session: Session) -> None:
        self.session: Final = session
        """Before the run."""
        self.admitted: Final[list[Admitted]] = []
        """Frames that wait for their features."""
        self.answered: Final[list[Progress[AudioFrame]]] = []
        """What has become of frames that need none."""
        self.samples = 0
        """Audio in the run, with the silence for what is missing."""
        self.cursor = Cursor(session.next_sequence, session.stream.position, session.closed)
        self._stream = session.stream
        self._parts: Final[list[bytes]] = []

    def take(self, entry: Input[AudioFrame]) -> bool:
        """Takes the channel's next frame; False: a long gap is before it, and it has to begin a run of its own."""
        verdict = judge(self.cursor, entry.record)
        if isinstance(verdict, Admission):
            return self._admit(entry, verdict)
        if isinstance(verdict, Rejection):
            self._reject(entry, verdict)
        elif verdict is Known.DUPLICATE:
            self.answered.append(Progress(entry))
        return True

    def stretch(self) -> Stretch:
        """Returns the run's audio. Mel columns of frames whose outputs are durable already are not wanted."""
        durable = [admitted.position for admitted in self.admitted if admitted.input.committed]
        first_hop = grid.hops_ready(durable[-1]) if durable else 0
        ended = self.cursor.closed == AFTER_END
        return Stretch(self._stream, b"".join(self._parts), ended, first_hop)

    def _reject(self, entry: Input[AudioFrame], rejection: Rejection) -> None:
        self.answered.append(Progress(entry, rejection=rejection))
        if rejection.code == UNKNOWN_SESSION:
            self.cursor = self.cursor._replace(closed=UNKNOWN_SESSION)

    def _admit(self, entry: Input[AudioFrame], admission: Admission) -> bool:
        frame, missing = admission.frame, admission.missing_samples
        if missing > LONGEST_FILL_SAMPLES and self.admitted:
            return False
        before = self.cursor.position
        if missing > LONGEST_FILL_SAMPLES:
            self._stream = Stream.silent_until(frame["start_sample"])
        else:
            self._append(bytes(SAMPLE_BYTES * missing))
        self._append(frame["samples"])
        position = frame["start_sample"] + len(frame["samples"]) // SAMPLE_BYTES
        self.cursor = Cursor(frame["sequence"] + 1, position, AFTER_END if frame["end"] else "")
        self.admitted.append(Admitted(entry, admission, _gaps(frame, before, missing), position))
        return True

    def _append(self, samples: bytes) -> None:
        self._parts.append(samples)
        self.samples += len(samples) // SAMPLE_BYTES


def _gaps(frame: AudioFrame, position: int, missing: int) -> list[Gap]:
    """Returns the frame's gaps, and what is missing before it unless one of them says so."""
    end = position + missing
    told = any(gap["start_sample"] <= position and gap["start_sample"] + gap["samples"] >= end for gap in frame["gaps"])
    if not missing or told:
        return frame["gaps"]
    return [Gap(start_sample=position, samples=missing, reason=MISSING_FRAMES), *frame["gaps"]]
