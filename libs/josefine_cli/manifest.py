"""Recordings whose words are known: a folder with a manifest.jsonl, one JSON object a file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from josefine_cli.errors import CliError

MANIFEST: Final = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class ReferenceSegment:
    """A stretch of a recording and what is said in it."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class ReferenceClip:
    """A recording and what is known of it."""

    name: str
    """Path below the folder."""
    path: Path
    channel_texts: tuple[str, ...]
    """What is said: one text, or one a channel; an empty one: no speech."""
    kind: str
    duration_s: float
    format: str = ""
    """For people."""
    reference_rate: float | None = None
    """Word error rate of another engine with the same model, to compare with."""
    segments: tuple[ReferenceSegment, ...] = ()
    digits: bool = False
    """Whether digits are compared one by one, however they are grouped or spelt."""

    @property
    def multichannel(self) -> bool:
        """Whether every channel has words of its own."""
        return len(self.channel_texts) > 1


def read_manifest(folder: Path) -> list[ReferenceClip]:
    """Returns the clips of a folder whose words are known.

    Raises:
        CliError: no manifest, a line that is none, a file that is missing; the message names it.
    """
    path = folder / MANIFEST
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CliError(f"{path}: {(error.strerror or str(error)).lower()}", 2) from error
    clips = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                clips.append(_clip(folder, json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise CliError(f"{path}, line {number}: {type(error).__name__}: {error}", 2) from error
    missing = [clip.name for clip in clips if not clip.path.is_file()]
    if missing:
        raise CliError(f"{path} names files that are not there: {', '.join(missing[:3])}", 2)
    return [clip for clip in clips if clip.channel_texts]


def _clip(folder: Path, entry: dict[str, Any]) -> ReferenceClip:
    text = entry.get("text")
    return ReferenceClip(
        name=entry["file"],
        path=folder / entry["file"],
        channel_texts=tuple(entry.get("channel_texts") or (() if text is None else (text,))),
        kind=entry.get("kind", "sample"),
        duration_s=float(entry["duration_s"]),
        format=entry.get("format") or entry.get("codec") or "",
        reference_rate=entry.get("wer_tiny_en"),
        segments=tuple(
            ReferenceSegment(segment["start"], segment["end"], segment["text"])
            for segment in entry.get("segments") or ()
            if segment.get("text")
        ),
        digits=entry.get("norm") == "digits",
    )
