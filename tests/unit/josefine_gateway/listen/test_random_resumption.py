"""Whatever happens to replicas, connections and writes: what a client was told is safe is in the log, once."""

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from log_kit import FATES, Log, replicas

from josefine_client.chunks import Session
from josefine_client.errors import BrokerTroubleError
from josefine_gateway.listen.opening import open_session, reopen_session
from josefine_gateway.listen.upload import UploadError

AUDIO = bytes(range(256)) * 4
PIECE = 7
"""Odd: cuts samples."""
AGAIN = 20
"""Tries of a client whose log is ill; no schedule has so many failures."""


@dataclass
class Connection:
    """One of a client, or what is left of it."""

    opened: Any
    sent: int
    """Bytes of the session that it has been given."""

    @property
    def upload(self):
        return self.opened.upload


class Client:
    """Sends AUDIO through replicas, as the protocol says it."""

    def __init__(self, log, replicas):
        self.log = log
        self.replicas = replicas
        self.session = Session(uuid.uuid4().hex, encoding="linear16", sample_rate_hz=16_000, channels=1)
        self.acknowledged = 0
        self.tokens = []
        self.connections = []

    async def open(self):
        await self._connected(0, lambda: open_session(self.replicas[0].writer, self.replicas[0].limits, self.session))

    async def resume(self, replica, age):
        """Goes on at a replica with one of the newest tokens."""
        token = self.tokens[-1 - age % len(self.tokens)]
        at = self.replicas[replica]

        def opening():
            return reopen_session(at.audio_log, self.session, token, lambda: True)

        await self._connected(replica, opening)

    async def _connected(self, replica, opening):
        for _ in range(AGAIN):
            try:
                opened = await opening()
            except (UploadError, BrokerTroubleError):
                continue
            assert opened.durable_bytes >= self.acknowledged
            self.connections.append(Connection(opened, opened.durable_bytes))
            self.be_told()
            return
        raise AssertionError("it cannot be opened")

    async def send(self, age, pieces):
        """Gives audio to the connection, or to one that was left: what it has of its client's comes late."""
        connection = self.connections[-1 - age % len(self.connections)]
        for _ in range(pieces):
            piece = AUDIO[connection.sent : connection.sent + PIECE]
            connection.sent += len(piece)
            await self._tried(connection.upload.audio(piece))

    async def settle(self, age):
        await self._tried(self.connections[-1 - age % len(self.connections)].upload.settled())

    async def flush(self, age):
        await self._tried(self.connections[-1 - age % len(self.connections)].upload.flush())

    async def _tried(self, call):
        try:
            await call
        except UploadError:
            return  # the client finds its connection closed

    def be_told(self):
        """Hears from the present connection what is safe."""
        opened = self.connections[-1].opened
        audio, _ = self.log.heard(self.session.session_id)
        assert opened.durable_bytes <= len(audio)
        if opened.durable_bytes >= self.acknowledged:
            self.acknowledged = opened.durable_bytes
            self.tokens.append(opened.token("key"))

    async def finish(self):
        """Goes on until the end is safe."""
        for _ in range(AGAIN):
            await self.resume(0, 0)
            upload = self.connections[-1].upload
            try:
                await upload.audio(AUDIO[self.connections[-1].sent :])
                await upload.end()
            except UploadError:
                continue
            self.be_told()
            return
        raise AssertionError("it cannot be ended")


steps = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 3), st.integers(1, 12)),
    st.tuples(st.just("say"), st.integers(0, 1), st.integers(1, 12)),
    st.tuples(st.just("flush"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("told"), st.just(0), st.just(0)),
    st.tuples(st.just("resume"), st.integers(0, 1), st.integers(0, 3)),
    st.tuples(st.just("fail"), st.integers(0, 1), st.sampled_from(FATES)),
    st.tuples(st.just("arrive"), st.just(0), st.just(0)),
)


async def played(schedule):
    log = Log()
    with replicas(log, 2) as both:
        client = Client(log, both)
        await client.open()
        for what, first, second in schedule:
            match what:
                case "send":
                    await client.send(first, second)
                case "say":
                    await client.send(first, second)
                    await client.settle(first)
                case "flush":
                    await client.flush(first)
                case "told":
                    client.be_told()
                case "resume":
                    await client.resume(first, second)
                case "fail":
                    both[first].fates.append(second)
                case "arrive":
                    log.arrive()
        await client.finish()
        log.arrive()
        for zombie in client.connections[:-1]:
            await client._tried(zombie.upload.end())
        return client


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, max_size=25))
def test_what_was_told_is_in_the_log_once(schedule):
    client = asyncio.run(played(schedule))
    audio, state = client.log.heard(client.session.session_id)
    assert audio == AUDIO
    assert state.ended
    assert client.acknowledged == len(AUDIO)
    # Whoever comes back now is not taken for somebody who has more to say.
    assert client.tokens[-1].ended
