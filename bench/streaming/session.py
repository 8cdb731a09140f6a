"""What is noted of one session while it is spoken and heard, and the times that follow from it. Pure."""

from dataclasses import dataclass, field

from bench.streaming.audio import Spoken
from bench.streaming.system import Ended, Event, Final, Interim


@dataclass(slots=True)
class Session:
    """One recording that is sent as if it were spoken now."""

    session_id: str
    spoken: Spoken
    began_at_s: float
    ended_at_s: float | None = None
    """When the end mark was sent, behind the last audio; None: not yet, or it was cut."""
    interims: list[Interim] = field(default_factory=list)
    finals: list[Final] = field(default_factory=list)
    ended: Ended | None = None

    def take(self, event: Event) -> None:
        """Notes what came."""
        match event:
            case Interim():
                # A system that says the same again says nothing: some do so ten times a second.
                if event.text and (not self.interims or event.text != self.interims[-1].text):
                    self.interims.append(event)
            case Final():
                self.finals.append(event)
            case Ended():
                self.ended = self.ended or event

    @property
    def error(self) -> str | None:
        """The system's code, where it refused or gave up the session."""
        return self.ended.error if self.ended else None

    @property
    def refused_at_s(self) -> float | None:
        """When the system ended it with an error."""
        return self.ended.arrived_at_s if self.ended and self.ended.error is not None else None

    @property
    def text(self) -> str | None:
        """What was heard; None where it did not come to an end."""
        return self.ended.text if self.ended and self.ended.error is None else None

    def after_end_s(self, now_s: float) -> float:
        """Returns the seconds from the end mark to the last final; where none came behind it, to the word that
        nothing follows; where nothing came at all, those that have been waited so far.
        """
        if self.ended_at_s is None:
            raise ValueError(f"session {self.session_id} was not spoken to its end")
        if self.ended is None:
            return now_s - self.ended_at_s
        last_s = max((final.arrived_at_s for final in self.finals), default=self.ended_at_s)
        return (last_s if last_s > self.ended_at_s else self.ended.arrived_at_s) - self.ended_at_s

    def after_words_s(self) -> list[tuple[float, float]]:
        """Returns, of each utterance that an endpoint closed, when its last word ended, and the seconds from there to
        its final.
        """
        ends = [
            (self.began_at_s + final.spoken_until_s, final.arrived_at_s)
            for final in self.finals
            if final.spoken_until_s is not None
        ]
        return [(spoken_at_s, arrived_at_s - spoken_at_s) for spoken_at_s, arrived_at_s in ends]
