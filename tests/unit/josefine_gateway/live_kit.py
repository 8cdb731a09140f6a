"""A live connection with a client and a log that are not there."""

import asyncio
import json
from datetime import UTC, datetime

from log_kit import Log, replicas

from josefine_client.chunks import Session
from josefine_gateway.listen.conversation import Conversation, Wanted
from josefine_gateway.listen.live import About, Limits, Line, LiveSession
from josefine_gateway.listen.opening import open_session
from josefine_gateway.shape.live import Stream
from josefine_wire.topics import TRANSCRIPTS

CLOSE = {"type": "websocket.disconnect", "code": 1000, "reason": ""}
CUT = {"type": "websocket.disconnect", "code": 1005}
DEADLINE_S = 30.0


class Client:
    """The other side of a socket: what it sends, and what it was told."""

    def __init__(self):
        self.says = asyncio.Queue()
        self.told = []
        self.closed = None

    async def receive(self):
        said = await self.says.get()
        asyncio.get_running_loop().call_soon(self.says.task_done)
        return said

    async def tell(self, text):
        await self.takes()
        self.told.append(json.loads(text))

    async def takes(self):
        """Returns when a message is taken, which is at once where a test does not put another in its place."""

    async def close(self, code, reason):
        self.closed = (code, reason)

    def audio(self, payload):
        self.says.put_nowait({"type": "websocket.receive", "bytes": payload})

    def text(self, kind):
        self.says.put_nowait({"type": "websocket.receive", "text": json.dumps({"type": kind})})

    def leaves(self, how):
        self.says.put_nowait(how)

    @property
    def kinds(self):
        return [message["type"] for message in self.told]


class Inbox:
    def __init__(self):
        self.records = asyncio.Queue()

    async def next(self):
        record = await self.records.get()
        asyncio.get_running_loop().call_soon(self.records.task_done)
        return record

    def put(self, record, topic=TRANSCRIPTS):
        self.records.put_nowait((topic, record))


class Scene:
    """A connection of a session that has just begun, or goes on."""

    def __init__(self, replica, opened, *, resumes=True, elsewhere=False, limits=None, seen=()):
        self.replica, self.opened = replica, opened
        self.client, self.inbox = Client(), Inbox()
        self.live = LiveSession(
            Line(self.client, self.client.tell, self.inbox, elsewhere),
            opened,
            Conversation(Wanted(), Stream("r"), seen, opened.standing.flushes),
            About("r", datetime.now(UTC), lambda payload: payload, resumes=resumes),
            limits or Limits(idle_close_s=60.0, slow_reader_s=60.0, patience_s=60.0),
            lambda opened: opened.token("key").session_id,
        )

    async def farewell(self):
        return await asyncio.wait_for(self.live.run(), DEADLINE_S)


SESSION = Session("s", encoding="linear16", sample_rate_hz=16_000, channels=1)


def played(play, **more):
    async def main():
        log = Log()
        with replicas(log) as (replica,):
            opened = await open_session(replica.writer, replica.limits, SESSION)
            return await play(Scene(replica, opened, **more))

    return asyncio.run(main())
