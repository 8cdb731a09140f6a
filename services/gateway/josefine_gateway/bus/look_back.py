"""What the log says already of one session: for a connection that goes on with it. Blocking; own connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

from josefine_client.errors import broker_trouble
from josefine_client.sessions_in_log import keyed_session
from josefine_stage.ports import RawRecord
from josefine_wire.codec import WireError, decode
from josefine_wire.succession import Succession, Verdict
from josefine_wire.topics import AUDIO_RAW, DEAD_LETTERS, TRANSCRIPTS, UNDERSTANDING

MOST_AT_ONCE: Final = 4


class Log(Protocol):
    """What this needs of a broker: josefine_kafka's LogReader, or lists in tests."""

    def since(self, topic: str, start: int) -> Iterator[RawRecord]:
        """Yields what stands in a topic from `start` (Unix epoch in ms) on, each partition until its end."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the log says of a session's audio, up to a takeover or to its end."""

    succession: Succession
    won: bool
    """Whether the takeover that was looked for is the one that counts."""


class LookBack:
    """Reads sessions back. Any thread; each call opens connections of its own."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.threads: Final = ThreadPoolExecutor(MOST_AT_ONCE, "look-back")
        """Where its calls are made: they take seconds where the log is full, and keys are looked up meanwhile."""

    def audio(self, session_id: str, begun: Succession, since_ms: int, producer_id: str) -> Standing:
        """Returns where the session's audio stands, as of the takeover by `producer_id` where that is in the log.

        Args:
            session_id: whose.
            begun: what is known: records before it, which are read again, change nothing.
            since_ms: no later record is needed to go on from `begun`, Unix epoch.
            producer_id: whose takeover was written before this call.

        Raises:
            BrokerTroubleError: the log cannot be read.
        """
        state = begun
        for chunk in self._records(AUDIO_RAW, session_id, since_ms):
            verdict, state = state.judge(chunk)
            if verdict is Verdict.TAKEOVER and chunk["producer_id"] == producer_id:
                return Standing(state, won=True)
        return Standing(state, won=False)

    def results(self, session_id: str, since_ms: int, *, understanding: bool) -> list[tuple[str, Any]]:
        """Returns topic and record of the session's results that are in the log now, each channel in its order.

        Of interims only the last of each channel is there, where no final has come after it: the others are out of
        date. With `understanding` also what nlu says, or has given up: a final waits for one of the two.

        Raises:
            BrokerTroubleError: the log cannot be read.
        """
        found: list[tuple[str, Any]] = []
        interims: dict[int, Any] = {}
        for topic in (UNDERSTANDING, TRANSCRIPTS, DEAD_LETTERS) if understanding else (TRANSCRIPTS,):
            for record in self._records(topic, session_id, since_ms):
                if topic == TRANSCRIPTS and record["kind"] != "FLUSHED" and not record["variant"]:
                    interims.pop(record["channel"], None)
                if record.get("kind") == "INTERIM":
                    interims[record["channel"]] = record
                else:
                    found.append((topic, record))
        return [*found, *((TRANSCRIPTS, interim) for interim in interims.values())]

    def _records(self, topic: str, session_id: str, since_ms: int) -> Iterator[Any]:
        with broker_trouble():
            for raw in self._log.since(topic, since_ms):
                if keyed_session(raw) != session_id:
                    continue
                try:
                    yield decode(topic, raw.value)
                except WireError:
                    continue  # its stage has dead-lettered it
