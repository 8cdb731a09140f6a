"""A log in memory as the gateway's threads see it, whose writes can fail as a broker's do."""

import threading
import time
from collections import deque
from contextlib import contextmanager

from josefine_gateway.access import limits
from josefine_gateway.bus.look_back import LookBack
from josefine_gateway.bus.writer import LogWriter
from josefine_gateway.listen.opening import AudioLog
from josefine_stage.errors import BrokerError
from josefine_stage.handler import Source
from josefine_stage.ports import RawRecord
from josefine_wire.codec import decode, encode
from josefine_wire.succession import Succession
from josefine_wire.topics import AUDIO_RAW, TRANSCRIPTS, audio_key, channel_key

FATES = ("lost", "half", "late")
"""Of a flush that fails: nothing was written; part of it was; all of it will be, after the writer has given up."""


class Log:
    """One partition a topic."""

    def __init__(self):
        self._records = []
        self._late = deque()
        self._lock = threading.Lock()

    def append(self, topic, key, value):
        with self._lock:
            offset = len(self._records)
            self._records.append(RawRecord(Source(topic, 0), offset, int(time.time() * 1000), key, value))

    def pin(self, record, topic=TRANSCRIPTS):
        """Writes a record of a stage."""
        key = channel_key(record["session_id"], record["channel"])
        self.append(topic, key.encode(), encode(topic, record))

    def since(self, topic, start):
        with self._lock:
            found = list(self._records)
        return iter([raw for raw in found if raw.source.topic == topic and raw.timestamp_ms >= start])

    def come_later(self, records):
        self._late.append(records)

    def arrive(self):
        """What a writer has given up comes all the same."""
        while self._late:
            for record in self._late.popleft():
                self.append(*record)

    def chunks(self, session_id):
        """Returns the chunks of a session, whether they count or not."""
        key = audio_key(session_id).encode()
        return [decode(AUDIO_RAW, raw.value) for raw in self.since(AUDIO_RAW, 0) if raw.key == key]

    def heard(self, session_id):
        """Returns what ingest takes of a session: its audio, and where it stands."""
        state, audio = Succession(), b""
        for chunk in self.chunks(session_id):
            verdict, state = state.judge(chunk)
            if verdict.taken:
                audio += chunk["payload"]
        return audio, state


class Writes:
    """A connection that writes to it."""

    def __init__(self, log, fates):
        self._log = log
        self._fates = fates
        self._sent = []

    def send(self, topic, key, value):
        self._sent.append((topic, key, value))

    def flush(self, timeout_s):
        sent, self._sent = self._sent, []
        fate = self._fates.popleft() if sent and self._fates else "written"
        if isinstance(fate, threading.Event):  # the broker's answer takes its time
            fate.wait()
            fate = "written"
        written = {"written": len(sent), "half": len(sent) // 2}.get(fate, 0)
        for record in sent[:written]:
            self._log.append(*record)
        if fate == "late":
            self._log.come_later(sent)
        if fate != "written":
            raise BrokerError("no answer")

    def abandon(self):
        self._sent = []

    def close(self):
        self.flush(1.0)


class Replica:
    """What a replica of the gateway has of the log. `fates` are those of its next flushes."""

    def __init__(self, log):
        self.fates = deque()
        self.writer = LogWriter(lambda: Writes(log, self.fates), timeout_s=1.0)
        self.look_back = LookBack(log)
        self.limits = limits.Replica(limits.ReplicaLimits(100, 1_000_000))

    @property
    def audio_log(self):
        return AudioLog(self.writer, self.limits, self.look_back)


@contextmanager
def replicas(log, count=1):
    """Gives replicas whose writers run."""
    made = [Replica(log) for _ in range(count)]
    for each in made:
        each.writer.start()
    try:
        yield made
    finally:
        for each in made:
            each.writer.close()
