"""From the features of a run to one feature frame for each of its audio frames. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from josefine_feature.admission import Admission
from josefine_speech import grid
from josefine_speech.features import Features
from josefine_stage.handler import Input, Output, Progress
from josefine_wire.records import AudioFrame, FeatureFrame, Gap
from josefine_wire.topics import FEATURE_FRAMES


class Admitted(NamedTuple):
    """A frame of a run."""

    input: Input[AudioFrame]
    admission: Admission
    gaps: list[Gap]
    """The frame's own, and what is missing before it."""
    position: int
    """Samples of the channel up to the frame's end."""


class _Share(NamedTuple):
    """The part of a run's features that a frame completed."""

    hops: range
    windows: range


def progress_of(admitted: Sequence[Admitted], features: Features, mels: int) -> Iterator[Progress[AudioFrame]]:
    """Yields what has become of each frame; those whose outputs are durable already give none."""
    hop, window = features.first_hop, features.first_window
    for one in admitted:
        share = _share(one, hop, window)
        hop, window = share.hops.stop, share.windows.stop
        if one.input.committed:
            yield Progress(one.input, rejection=one.admission.rejection)
        else:
            output = Output(FEATURE_FRAMES, one.input.key, _record(one, share, features, mels))
            yield Progress(one.input, (output,), rejection=one.admission.rejection)


def _share(one: Admitted, hop: int, window: int) -> _Share:
    """Returns the columns and windows from `hop` and `window` on that are complete with the frame."""
    if one.admission.frame["end"]:
        hops, windows = grid.hops_total(one.position), grid.windows_total(one.position)
    else:
        hops, windows = grid.hops_ready(one.position), grid.windows_ready(one.position)
    # A durable frame's columns were not computed: the features begin behind it.
    return _Share(range(hop, max(hop, hops)), range(window, windows))


def _record(one: Admitted, share: _Share, features: Features, mels: int) -> FeatureFrame:
    audio, hops, windows = one.admission.frame, share.hops, share.windows
    columns = features.log_mel[hops.start - features.first_hop : hops.stop - features.first_hop]
    first = features.first_window
    return FeatureFrame(
        session_id=audio["session_id"],
        channel=audio["channel"],
        channels=audio["channels"],
        sequence=audio["sequence"],
        session_started_at=audio["session_started_at"],
        captured_at=audio["captured_at"],
        start_hop=hops.start,
        mels=mels,
        log_mel=columns.tobytes(),
        start_window=windows.start,
        speech_probability=features.speech_probability[windows.start - first : windows.stop - first].tobytes(),
        gaps=one.gaps,
        start=audio["start"],
        flush=audio["flush"],
        end=audio["end"],
    )
