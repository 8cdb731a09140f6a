"""Recordings to measure with, in an order that is drawn with a seed."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from josefine_cli.manifest import ReferenceClip, read_manifest

NO_SPEECH = "nospeech"


def speech(folder: Path) -> list[ReferenceClip]:
    """Returns the folder's recordings with speech in them."""
    return [clip for clip in read_manifest(folder) if clip.kind != NO_SPEECH]


def shuffled(clips: Sequence[ReferenceClip], seed: int) -> Iterator[ReferenceClip]:
    """Yields the clips again and again, in an order drawn anew each time: in the manifest's order the long ones come
    together.
    """
    order = random.Random(seed)
    while True:
        yield from order.sample(clips, len(clips))


def enough(clips: Sequence[ReferenceClip], audio_s: float, seed: int) -> list[ReferenceClip]:
    """Returns clips, with repeats where there are too few, that hold at least so much audio."""
    chosen: list[ReferenceClip] = []
    left_s = audio_s
    for clip in shuffled(clips, seed):
        if left_s <= 0:
            break
        chosen.append(clip)
        left_s -= clip.duration_s
    return chosen
