"""Sessions of a tape at the pace of speech, from a process that does nothing else.

    python -m bench.load (options as JSON on standard input; the outcome as JSON on standard output)

Each of N slots plays one session after another, linear16 in pieces of 0.2 s, every piece due at a time that is fixed
when its session begins: a late piece makes none of the next ones late. Slots begin one after another within a ramp,
at places of the tape that are spread evenly over it. How late pieces were is part of the outcome: load that is late
measures itself.
"""

import heapq
import itertools
import json
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.tape import BYTES_PER_S
from josefine_client.chunks import ChunkNumbering, Session
from josefine_client.pacing import PIECE_S
from josefine_client.publisher import RecordWriter
from josefine_kafka.connection import Broker
from josefine_kafka.writers import AcknowledgedWriter
from josefine_stage.clock import Clock, SystemClock
from josefine_wire.codec import encode
from josefine_wire.positions import SAMPLE_RATE_HZ
from josefine_wire.records import Mode, session_config
from josefine_wire.topics import AUDIO_RAW, audio_key

NAP_S: Final = 0.002
"""Shortest sleep: what falls due meanwhile is sent at once."""
ACKNOWLEDGE_S: Final = 60.0
RECORDED_PIECE_S: Final = 1.0
NEVER_ENDED: Final = "-never-ended-"
"""In the ids of abandoned sessions: their last finals come when ingest ends them, whatever the engine's latency."""
START_S: Final = 4.0
"""For processes of this module to begin and read the tape."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What is to be sent."""

    bootstrap_servers: str
    tape: str
    """File of linear16 at 16 kHz."""
    name: str
    """Session ids begin with it."""
    streams: int
    """Slots: sessions at once."""
    begin_s: float
    """Unix time of the first slot's first sample."""
    seconds: float
    """No session begins, and no piece is due, later than this after the beginning."""
    ramp_s: float = 5.0
    """Slots begin within it."""
    shortest_s: float = float("inf")
    longest_s: float = float("inf")
    """Of a session."""
    abandoned: float = 0.0
    """Share of the sessions that are never ended."""
    recorded_every_s: float = 0.0
    """A recorded session, as fast as the broker takes it, this often; 0: none."""
    mode: Mode = "LIVE"
    """Of the slots; RECORDED: as fast as the broker takes them, one session a slot."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """What was sent."""

    sessions: int
    abandoned: int
    audio_s: float
    records: int
    cpu_s: float
    late_s: tuple[float, ...]
    """Of every hundredth of the live pieces in ascending order: how much later than due it was handed to the client."""
    ended_at_s: float
    """Unix time at which all was acknowledged."""

    @property
    def late_p99_s(self) -> float:
        return self.late_s[98] if len(self.late_s) > 98 else max(self.late_s, default=0.0)


class Playing:
    """A session that is being sent."""

    def __init__(
        self,
        options: LoadOptions,
        begin_s: float,
        length_s: float,
        place_s: float,
        mode: Mode,
        *,
        abandoned: bool = False,
    ) -> None:
        self.mode, self.abandoned = mode, abandoned
        self._begin_s, self._place = begin_s, int(place_s * SAMPLE_RATE_HZ) * 2
        self._left = int(length_s * SAMPLE_RATE_HZ) * 2 if length_s < float("inf") else sys.maxsize
        self._sent = 0
        self._piece = int((PIECE_S if mode == "LIVE" else RECORDED_PIECE_S) * BYTES_PER_S)
        session_id = f"{options.name}{NEVER_ENDED if abandoned else '-'}{uuid.uuid4().hex}"
        session = Session(session_id, session_config(mode), "linear16", SAMPLE_RATE_HZ, 1)
        self._numbering = ChunkNumbering(session, uuid.uuid4().hex, int(begin_s * 1000), self._piece)
        self.key = audio_key(session_id).encode()

    @property
    def due_s(self) -> float:
        """Returns when the next piece is complete, as a microphone would have it."""
        size = min(self._piece, self._left)
        return self._begin_s + ((self._sent + size) / BYTES_PER_S if self.mode == "LIVE" else 0.0)

    def next(self, tape: memoryview, *, last: bool) -> tuple[bytes, float]:
        """Returns the next record and the seconds of audio in it."""
        size = min(self._piece, self._left)
        at = (self._place + self._sent) % (len(tape) - self._piece)
        due_s = self.due_s
        self._sent, self._left = self._sent + size, self._left - size
        end = (last or self._left == 0) and not self.abandoned
        captured_us = int(due_s * 1e6) if self.mode == "LIVE" else 0
        (chunk,) = self._numbering.chunks(bytes(tape[at : at + size]), captured_at_us=captured_us, end=end)
        return encode(AUDIO_RAW, chunk), size / BYTES_PER_S

    @property
    def over(self) -> bool:
        return self._left == 0


class Load:
    """Sends what the options ask for. One thread."""

    def __init__(self, options: LoadOptions, tape: bytes, clock: Clock | None = None) -> None:
        self._options = options
        self._clock = clock or SystemClock()
        self._tape = memoryview(tape)
        self._tape_s = len(tape) / BYTES_PER_S
        self._draw = random.Random(options.seed)
        self._number = itertools.count()
        self._waiting: list[tuple[float, int, Playing]] = []
        self._late: list[float] = []
        self._audio_s = 0.0
        self._records = self._sessions = self._abandoned = 0

    def run(self, writer: RecordWriter) -> LoadOutcome:
        """Returns when everything was sent and acknowledged."""
        options = self._options
        end_s = options.begin_s + options.seconds
        for slot in range(options.streams):
            begin_s = options.begin_s + options.ramp_s * slot / options.streams
            self._add(self._session(begin_s, slot / options.streams))
        if options.recorded_every_s:
            self._add(self._recorded(options.begin_s + options.recorded_every_s))
        while self._waiting:
            due_s, _, playing = self._waiting[0]
            now_s = self._clock.epoch_s()
            if now_s < due_s:
                self._clock.wait(max(due_s - now_s, NAP_S))
                continue
            heapq.heappop(self._waiting)
            self._send(writer, playing, now_s, end_s)
        writer.flush(ACKNOWLEDGE_S)
        return self._outcome()

    def _send(self, writer: RecordWriter, playing: Playing, now_s: float, end_s: float) -> None:
        due_s, live = playing.due_s, playing.mode == "LIVE"
        last = live and due_s + PIECE_S > end_s
        record, audio_s = playing.next(self._tape, last=last)
        writer.send(AUDIO_RAW, playing.key, record)
        self._records, self._audio_s = self._records + 1, self._audio_s + audio_s
        if live:
            self._late.append(now_s - due_s)
        if not last and not playing.over:
            self._add(playing)
            return
        self._abandoned += playing.abandoned
        if due_s + PIECE_S > end_s:
            return
        if live:
            self._add(self._session(due_s, self._draw.random()))
        elif self._options.recorded_every_s:
            self._add(self._recorded(due_s + self._options.recorded_every_s))

    def _session(self, begin_s: float, place: float) -> Playing:
        options = self._options
        longest_s = min(options.longest_s, options.seconds if options.mode == "RECORDED" else float("inf"))
        endless = longest_s == float("inf")
        length_s = longest_s if endless else self._draw.uniform(min(options.shortest_s, longest_s), longest_s)
        abandoned = self._draw.random() < options.abandoned
        self._sessions += 1
        return Playing(options, begin_s, length_s, place * self._tape_s, options.mode, abandoned=abandoned)

    def _recorded(self, begin_s: float) -> Playing:
        self._sessions += 1
        length_s = self._draw.uniform(self._options.shortest_s, self._options.longest_s)
        return Playing(self._options, begin_s, length_s, self._draw.random() * self._tape_s, "RECORDED")

    def _add(self, playing: Playing) -> None:
        # Behind all that is due already: a recorded session is due at once until its end.
        due_s = playing.due_s if playing.mode == "LIVE" else max(playing.due_s, self._clock.epoch_s())
        heapq.heappush(self._waiting, (due_s, next(self._number), playing))

    def _outcome(self) -> LoadOutcome:
        late = sorted(self._late)
        hundredths = tuple(late[len(late) * n // 100] for n in range(1, 100)) if late else ()
        return LoadOutcome(
            self._sessions,
            self._abandoned,
            self._audio_s,
            self._records,
            time.process_time(),
            hundredths,
            self._clock.epoch_s(),
        )


class LoadProcess:
    """A process of this module. Use as a context: it ends with it."""

    def __init__(self, options: LoadOptions) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the bench, which ends it
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(options)))
        self._process.stdin.close()
        self.pid = self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def outcome(self) -> LoadOutcome:
        """Returns what was sent, when all was.

        Raises:
            RuntimeError: it failed; why stands on standard error.
        """
        assert self._process.stdout is not None
        said = self._process.stdout.read()
        if self._process.wait() != 0:
            raise RuntimeError(f"the load generator ended with status {self._process.returncode}")
        fields = json.loads(said)
        return LoadOutcome(**fields | {"late_s": tuple(fields["late_s"])})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def split(options: LoadOptions, most: int) -> Iterator[LoadOptions]:
    """Yields the options of as many processes as are needed for slots of at most `most` each."""
    parts = -(-options.streams // most)
    for part in range(parts):
        fields = asdict(options) | {
            "streams": options.streams // parts + (part < options.streams % parts),
            "name": f"{options.name}.{part}",
            "seed": options.seed + part,
        }
        yield LoadOptions(**fields)


def main() -> int:
    """Sends, and prints the outcome."""
    options = LoadOptions(**json.load(sys.stdin))
    writer = AcknowledgedWriter(Broker(options.bootstrap_servers), compression="none")
    outcome = Load(options, Path(options.tape).read_bytes()).run(writer)
    writer.close()
    json.dump(asdict(outcome), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
