"""A gateway with its pipeline, as small as can be: what a live session's connections are tested against.

Every byte of audio is a word, so that the transcript shows what was taken, in which order and how often, wherever the
borders of finals are. What a connection received and did not commit is lost when it is cut.
"""

import json
from collections import deque

FINAL_BYTES = 8
BYTES_PER_SECOND = 10


def words_of(audio):
    return [f"w{byte:02x}" for byte in audio]


def message(kind, **more):
    return json.dumps({"type": kind, **more})


class ModelSession:
    """The log: audio that was taken, finals that were made of it. Outlives connections."""

    def __init__(self):
        self.taken = bytearray()
        self.finals = []
        self.final_bytes = 0
        self.ended = False
        self.connections = []

    @property
    def token(self):
        return f"token-{len(self.taken)}"

    @property
    def duration_s(self):
        return len(self.taken) / BYTES_PER_SECOND

    def open(self, parameters):
        """Returns a connection of this session; what the query says of `resume` decides what it tells first."""
        if parameters["resume"] == "true":
            assert not self.taken, "a session began anew that had audio"
            seen = 0
        else:
            assert parameters["resume"].startswith("token-")
            seen = int(parameters["sequence_id"].split(",")[0])
        connection = ModelConnection(self, resumed=parameters["resume"] != "true", seen=seen)
        self.connections.append(connection)
        return connection

    def new_finals(self, *, flush):
        """Makes finals of what was taken: of whole pieces, or with `flush` of all of it."""
        made = []
        while (left := len(self.taken) - self.final_bytes) >= FINAL_BYTES or (flush and left):
            end = self.final_bytes + min(left, FINAL_BYTES)
            made.append((self.final_bytes, end))
            self.final_bytes = end
        finals = []
        for number, (start, end) in enumerate(made, start=1):
            # Holes in the numbers, as silence leaves them.
            sequence_id = 2 * (len(self.finals) + 1)
            last = flush and number == len(made) and not self.ended
            results = self.results(start, end, sequence_id, is_final=True, from_finalize=last)
            self.finals.append((sequence_id, results))
            finals.append(results)
        return finals

    def results(self, start, end, sequence_id, **flags):
        words = words_of(self.taken[start:end])
        heard = [
            {"word": word, "start": start / 10, "end": end / 10, "confidence": 0.9, "punctuated_word": word}
            for word in words
        ]
        alternative = {"transcript": " ".join(words), "confidence": 0.9, "words": heard}
        return message(
            "Results",
            channel_index=[0, 1],
            start=start / BYTES_PER_SECOND,
            duration=(end - start) / BYTES_PER_SECOND,
            sequence_id=sequence_id,
            channel={"alternatives": [alternative]},
            **flags,
        )


class ModelConnection:
    """One connection: frames go in, messages come out; both are lost with it."""

    def __init__(self, session, *, resumed, seen):
        self.session = session
        self.received = deque()
        self.messages = deque()
        acknowledged = {"bytes": len(session.taken), "seconds": session.duration_s}
        self.tell("Session", request_id="r", acknowledged=acknowledged, resume_token=session.token, resumed=resumed)
        self.last_sequence_id = seen
        for sequence_id, results in session.finals:
            if sequence_id > seen:
                self._tell_final(sequence_id, results)
        if session.ended:
            self._tell_end()

    def tell(self, kind, **more):
        self.messages.append(message(kind, **more))

    def receive(self, frame):
        assert frame != b"", "an empty frame means the end"
        self.received.append(frame)

    def commit(self, count=1_000_000):
        """Takes the next frames into the log."""
        while self.received and count:
            count -= 1
            self._commit(self.received.popleft())

    def tear(self, size):
        """Takes only the beginning of the next frame, if that is audio: the log has its own pieces."""
        if self.received and isinstance(self.received[0], bytes) and not self.session.ended:
            self._commit(self.received.popleft()[:size])

    def acknowledge(self, behind=0):
        """Tells what is durable, or what was `behind` bytes ago."""
        position = max(len(self.session.taken) - behind, 0)
        self.tell("Acknowledged", bytes=position, seconds=None, resume_token=f"token-{position}")

    def interim(self):
        session = self.session
        self.messages.append(
            session.results(session.final_bytes, len(session.taken), self.last_sequence_id, is_final=False)
        )

    def repeat(self, number):
        """Tells a final again."""
        if self.session.finals:
            self.messages.append(self.session.finals[number % len(self.session.finals)][1])

    def _commit(self, frame):
        session = self.session
        if session.ended:
            return
        if isinstance(frame, bytes):
            session.taken += frame
            self._tell_finals(session.new_finals(flush=False))
            return
        control = json.loads(frame)["type"]
        if control == "CloseStream":
            session.ended = True
            self._tell_finals(session.new_finals(flush=True))
            self.acknowledge()
            self._tell_end()
        elif control == "Finalize":
            finals = session.new_finals(flush=True)
            self._tell_finals(finals)
            if not finals:
                end = session.final_bytes
                answer = session.results(end, end, self.last_sequence_id, is_final=True, from_finalize=True)
                self.messages.append(answer)
        else:
            assert control == "KeepAlive"

    def _tell_finals(self, finals):
        for results in finals:
            self._tell_final(json.loads(results)["sequence_id"], results)

    def _tell_final(self, sequence_id, results):
        self.last_sequence_id = sequence_id
        self.messages.append(results)

    def _tell_end(self):
        token = self.session.token
        self.tell("Metadata", request_id="r", duration=self.session.duration_s, channels=1, resume_token=token)
