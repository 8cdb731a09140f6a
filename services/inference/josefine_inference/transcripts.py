"""The records that this stage writes."""

from collections.abc import Sequence
from dataclasses import dataclass

from josefine_inference.hypothesis import Hypothesis, timed_words, untimed_words
from josefine_inference.segmenter import Segment
from josefine_stage.handler import Output
from josefine_wire.ids import end_id, final_id, flush_id, interim_id
from josefine_wire.positions import HOP_SAMPLES
from josefine_wire.records import EndReason, Error, FeatureFrame, Gap, Replay, SessionConfig, Transcript, Word
from josefine_wire.topics import TRANSCRIPTS, channel_key


@dataclass(frozen=True, slots=True)
class About:
    """What the transcripts of a channel share: the record that caused one, and what the session asked for."""

    record: FeatureFrame
    config: SessionConfig
    model: str

    @property
    def replay(self) -> Replay:
        """Whose results these are, and their variant: the session's own, or of the one that it hears again."""
        own = Replay(
            session_id=self.record["session_id"],
            session_started_at=self.record["session_started_at"],
            variant="",
            last_sequence=-1,
        )
        return self.config.get("replay") or own

    def end_sample(self, hop: int) -> int:
        """Returns the position of a hop's end, never behind the channel's end."""
        end = self.record["end"]
        return min(hop * HOP_SAMPLES, end["samples"]) if end else hop * HOP_SAMPLES


def interim_transcript(
    about: About, segment: int, heard: tuple[int, int], hypothesis: Hypothesis, stable_words: int
) -> Output:
    """Returns the INTERIM of an open segment of which hops [start, end) were heard."""
    start_hop, end_hop = heard
    transcript = _blank(about, segment, start_hop * HOP_SAMPLES, end_hop * HOP_SAMPLES)
    transcript["kind"], transcript["revision"] = "INTERIM", end_hop - start_hop
    transcript["id"] = interim_id(transcript["session_id"], transcript["channel"], segment, end_hop - start_hop)
    words = untimed_words(hypothesis, transcript["start_sample"], transcript["end_sample"])
    return _output(_with_words(transcript, words, min(stable_words, len(words))))


def final_transcript(about: About, segment: Segment, hypothesis: Hypothesis, gaps: Sequence[Gap]) -> Output:
    """Returns the FINAL of a closed segment."""
    start_sample = segment.start_hop * HOP_SAMPLES
    transcript = _blank(about, segment.number, start_sample, max(start_sample, about.end_sample(segment.end_hop)))
    transcript["kind"], transcript["revision"] = "FINAL", segment.hops
    place = (transcript["session_id"], transcript["channel"])
    transcript["id"] = final_id(*place, segment.number, transcript["variant"])
    transcript["speech_final"], transcript["flushed"] = segment.speech_final, segment.flushed
    transcript["gaps"] = list(gaps)
    words = timed_words(hypothesis, transcript["start_sample"], transcript["end_sample"])
    return _output(_with_words(transcript, words, len(words)))


def flushed_transcript(about: About, segments: int, end_hop: int) -> Output:
    """Returns the FLUSHED of the flush mark of a record: `segments` were closed so far, hops before `end_hop` heard."""
    position = about.end_sample(end_hop)
    transcript = _blank(about, segments, position, position)
    place = (transcript["session_id"], transcript["channel"])
    transcript["id"] = flush_id(*place, about.record["sequence"], transcript["variant"])
    transcript["kind"] = "FLUSHED"
    return _output(transcript)


def end_transcript(about: About, segments: int, gaps: Sequence[Gap], refusal: Error | None = None) -> Output:
    """Returns the END of a channel, with the error that its end frame carries, or the refusal of the session."""
    end = about.record["end"]
    length = end["samples"] if end else 0
    transcript = _blank(about, segments, 0, length)
    transcript["id"] = end_id(transcript["session_id"], transcript["channel"], transcript["variant"])
    reason: EndReason = "ERROR" if refusal or not end else end["reason"]
    transcript["kind"], transcript["reason"], transcript["gaps"] = "END", reason, list(gaps)
    transcript["error"] = refusal
    if end and end["code"] and not refusal:
        transcript["error"] = Error(code=end["code"], message=end["message"] or end["code"])
    return _output(transcript)


def poison_gap(segment: Segment) -> Gap:
    """Returns the gap that a segment leaves which could not be decoded."""
    return Gap(start_sample=segment.start_hop * HOP_SAMPLES, samples=segment.hops * HOP_SAMPLES, reason="poison")


def _blank(about: About, segment: int, start_sample: int, end_sample: int) -> Transcript:
    record, replay = about.record, about.replay
    return Transcript(
        id="",
        session_id=replay["session_id"],
        channel=record["channel"],
        channels=record["channels"],
        kind="INTERIM",
        segment=segment,
        revision=0,
        session_started_at=replay["session_started_at"],
        captured_at=record["captured_at"],
        start_sample=start_sample,
        end_sample=end_sample,
        text="",
        stable_words=0,
        words=[],
        confidence=0.0,
        language=about.config["language"] or "en",
        model=about.model,
        speech_final=False,
        gaps=[],
        reason=None,
        error=None,
        metadata=about.config["metadata"],
        variant=replay["variant"],
        flushed=False,
    )


def _with_words(transcript: Transcript, words: list[Word], stable_words: int) -> Transcript:
    transcript["words"], transcript["stable_words"] = words, stable_words
    transcript["text"] = " ".join(word["punctuated_word"] for word in words)
    if words:
        transcript["confidence"] = sum(word["confidence"] for word in words) / len(words)
    return transcript


def _output(transcript: Transcript) -> Output:
    return Output(TRANSCRIPTS, channel_key(transcript["session_id"], transcript["channel"]), transcript)
