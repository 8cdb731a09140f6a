"""Follows transcripts while a load runs: how late each final is, how many interims there are."""

from dataclasses import dataclass, field
from typing import Final

from bench.load import NEVER_ENDED
from josefine_kafka.connection import Broker
from josefine_kafka.tail import TopicTail
from josefine_stage.clock import Clock, SystemClock
from josefine_wire.codec import decode
from josefine_wire.positions import seconds
from josefine_wire.records import Transcript
from josefine_wire.topics import DEAD_LETTERS, TRANSCRIPTS

POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class HeardFinal:
    """A final of a live session that an endpoint closed, sessions that nobody ends left out."""

    arrived_s: float
    """Unix time."""
    after_speech_s: float
    """Since its segment's last sample was due, the silence that ends an utterance included."""
    after_endpoint_s: float
    """Since the audio was due that told its end."""


@dataclass(slots=True)
class Heard:
    """What has come of the sessions of a name."""

    name: str
    finals: list[HeardFinal] = field(default_factory=list)
    interims_s: list[float] = field(default_factory=list)
    """Unix times of arrival."""
    ends: int = 0
    failures: list[str] = field(default_factory=list)
    """Errors of ENDs, and dead letters: code and text."""

    def take(self, record: Transcript, now_s: float) -> None:
        """Takes a record of any session."""
        if not record["session_id"].startswith(self.name):
            return
        match record["kind"]:
            case "INTERIM":
                self.interims_s.append(now_s)
            case "FINAL" if (
                record["speech_final"] and record["captured_at"] and NEVER_ENDED not in record["session_id"]
            ):
                spoken_s = record["session_started_at"] / 1000 + seconds(record["end_sample"])
                self.finals.append(HeardFinal(now_s, now_s - spoken_s, now_s - record["captured_at"] / 1e6))
            case "END":
                self.ends += 1
                if record["error"]:
                    self.failures.append(f"{record['error']['code']}: {record['error']['message']}")

    def finals_between(self, begin_s: float, end_s: float) -> list[HeardFinal]:
        """Returns those that arrived then."""
        return [final for final in self.finals if begin_s <= final.arrived_s < end_s]

    def interims_between(self, begin_s: float, end_s: float) -> int:
        return sum(begin_s <= arrived_s < end_s for arrived_s in self.interims_s)

    def forget_before(self, time_s: float) -> None:
        """Frees what arrived earlier."""
        self.finals = [final for final in self.finals if final.arrived_s >= time_s]
        self.interims_s = [arrived_s for arrived_s in self.interims_s if arrived_s >= time_s]


class Listener:
    """Reads transcripts and dead letters. One thread."""

    def __init__(self, broker: Broker, clock: Clock | None = None) -> None:
        """Hears what is written after this."""
        self._tail = TopicTail(broker, [TRANSCRIPTS, DEAD_LETTERS])
        self._clock = clock or SystemClock()

    def until(self, time_s: float, heard: Heard) -> None:
        """Takes what comes until a Unix time."""
        while (left_s := time_s - self._clock.epoch_s()) > 0:
            self.poll(min(left_s, POLL_S), heard)

    def poll(self, timeout_s: float, heard: Heard) -> None:
        """Takes what has come, waiting at most `timeout_s` for the first."""
        for raw in self._tail.poll(timeout_s):
            record = decode(raw.source.topic, raw.value)
            if raw.source.topic == DEAD_LETTERS:
                heard.failures.append(f"{record['stage']}: {record['code']}: {record['reason']}")
            else:
                heard.take(record, self._clock.epoch_s())

    def close(self) -> None:
        self._tail.close()
