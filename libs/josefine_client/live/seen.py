"""What a session's application was told already, so that a resumed connection repeats nothing. Pure."""

from collections import defaultdict
from dataclasses import dataclass, field

from josefine_client.live.events import Event, Final, Interim, SpeechStarted, UtteranceEnd


@dataclass(slots=True)
class _Channel:
    sequence_id: int = 0
    final_end_s: float = 0.0
    interim: Interim | None = None
    speech_started_s: float = -1.0
    utterance_end_s: float = -1.0


@dataclass(slots=True)
class Seen:
    """One session's. A message is told by its place in its channel, so it costs nothing to remember."""

    _channels: defaultdict[int, _Channel] = field(default_factory=lambda: defaultdict(_Channel))

    def sequence_ids(self) -> list[int]:
        """Returns the sequence_id of the last final of each channel, from channel 0 on."""
        return [self._channels[number].sequence_id for number in range(max(self._channels, default=0) + 1)]

    def is_repeated(self, final: Final) -> bool:
        """Returns whether the words of a final were told already; those without words have no number of their own."""
        return bool(final.words) and final.sequence_id <= self._channels[final.channel].sequence_id

    def is_new(self, event: Event, *, answers_finalize: bool = False) -> bool:
        """Returns whether the application has not been told yet; from now on it has.

        Args:
            event: what came.
            answers_finalize: it is an answer that was waited for: news even without words of its own.
        """
        match event:
            case Final():
                return self._final(event, answers_finalize=answers_finalize)
            case Interim():
                return self._interim(event)
            case SpeechStarted():
                channel = self._channels[event.channel]
                new, channel.speech_started_s = _later(event.at_s, channel.speech_started_s)
                return new
            case UtteranceEnd():
                channel = self._channels[event.channel]
                new, channel.utterance_end_s = _later(event.last_word_end_s, channel.utterance_end_s)
                return new
            case _:
                return True

    def _final(self, final: Final, *, answers_finalize: bool) -> bool:
        channel = self._channels[final.channel]
        old = final.sequence_id <= channel.sequence_id
        wordless_news = answers_finalize or final.end_s > channel.final_end_s
        if self.is_repeated(final) or (old and not wordless_news):
            return False
        channel.sequence_id = max(channel.sequence_id, final.sequence_id)
        channel.final_end_s = max(channel.final_end_s, final.end_s)
        channel.interim = None
        return True

    def _interim(self, interim: Interim) -> bool:
        channel = self._channels[interim.channel]
        before = channel.interim
        overtaken = before is not None and (interim == before or interim.end_s < before.end_s)
        if interim.sequence_id < channel.sequence_id or overtaken:
            return False
        channel.interim = interim
        return True


def _later(time_s: float, before_s: float) -> tuple[bool, float]:
    return time_s > before_s, max(time_s, before_s)
