"""Plays clips whose words are known and scores what comes back."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

from josefine_cli.manifest import ReferenceClip
from josefine_cli.recordings import recording
from josefine_cli.scoring import ClipScore, clip_errors, hypothesis_words
from josefine_cli.sessions import SessionOptions
from josefine_cli.sound_borders import with_sound_borders
from josefine_cli.word_times import border_errors_s, time_faults
from josefine_client.collector import TranscriptEvent, UnderstandingEvent
from josefine_client.player import Finished, Player, PlayEvent, Recording, Started
from josefine_client.results import SessionResult
from josefine_text.segments import in_order, timed_words, transcript_text
from josefine_wire.positions import seconds


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip that is done."""

    score: ClipScore
    result: SessionResult
    elapsed_s: float
    """From its first byte to its last result."""


@dataclass(slots=True)
class _Listening:
    """A clip in flight."""

    clip: ReferenceClip
    recording: Recording
    started_at_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    speech_latencies_s: list[float] = field(default_factory=list)
    last_event_s: float = 0.0


def clip_recordings(
    clips: Sequence[ReferenceClip], options: SessionOptions, speed: float | None, stagger_s: float = 0.0
) -> list[tuple[ReferenceClip, Recording]]:
    """Returns each clip as a session; clips with words on several channels keep them apart."""
    return [
        (
            clip,
            recording(
                clip.path,
                replace(options, multichannel=options.multichannel or clip.multichannel).config(),
                speed,
                delay_s=number * stagger_s,
            ),
        )
        for number, clip in enumerate(clips)
    ]


def listen(player: Player, clips: Sequence[tuple[ReferenceClip, Recording]]) -> Generator[PlayEvent | Heard]:
    """Yields what happens, and for every clip what was heard, until all are done.

    Raises:
        BrokerTroubleError: the broker failed.
    """
    listening = {each.session.session_id: _Listening(clip, each) for clip, each in clips}
    for event in player.play(each for _, each in clips):
        yield event
        match event:
            case Started():
                listening[event.result.session_id].started_at_s = event.started_at_s
            case TranscriptEvent() | UnderstandingEvent():
                _time(listening[event.session_id], event)
            case Finished():
                yield _heard(listening.pop(event.result.session_id), event)
            case _:
                pass


def _time(clip: _Listening, event: TranscriptEvent | UnderstandingEvent) -> None:
    clip.last_event_s = event.arrived_at_s
    if isinstance(event, UnderstandingEvent) or clip.recording.speed is None:
        return
    record = event.record
    if record["kind"] != "FINAL" or not record["words"]:
        return
    clip.latencies_s.append(event.arrived_at_s - record["captured_at"] / 1e6)
    if not record["speech_final"]:
        # Cut at the length limit, in the middle of speech: it has no end of speech to be late behind.
        return
    spoken_at_s = clip.started_at_s + seconds(record["words"][-1]["end_sample"]) / clip.recording.speed
    clip.speech_latencies_s.append(event.arrived_at_s - spoken_at_s)


def _heard(clip: _Listening, finished: Finished) -> Heard:
    result = finished.result
    channels = range(len(clip.clip.channel_texts))
    texts = tuple(transcript_text(result.finals(channel)) for channel in channels)
    words = timed_words(in_order(result.finals()))
    length_s = seconds(result.length_samples)
    score = ClipScore(
        clip=clip.clip,
        hypotheses=texts,
        errors=clip_errors(clip.clip, texts),
        hypothesis_words=hypothesis_words(clip.clip, texts),
        failure=result.error["message"] if result.error else finished.failure,
        time_errors_s=tuple(border_errors_s(with_sound_borders(clip.clip.path, clip.clip.segments), words)),
        time_faults=sum(time_faults(timed_words(result.finals(channel)), length_s) for channel in channels),
        latencies_s=tuple(clip.latencies_s),
        speech_latencies_s=tuple(clip.speech_latencies_s),
    )
    return Heard(score, result, max(clip.last_event_s - clip.started_at_s, 0.0))
