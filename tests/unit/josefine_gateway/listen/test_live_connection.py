"""One connection from its greeting to its close frame, with a client and a log that are not there."""

import asyncio
import json
import threading
from datetime import UTC, datetime

import pytest
from log_kit import Log, replicas
from made_speech import SECOND, end, transcript

from josefine_client.chunks import ChunkNumbering, Session
from josefine_gateway.listen import closing
from josefine_gateway.listen.conversation import Conversation, Wanted
from josefine_gateway.listen.live import About, Limits, Line, LiveSession
from josefine_gateway.listen.opening import open_session, reopen_session
from josefine_gateway.listen.presence import presence
from josefine_gateway.shape.live import Stream
from josefine_wire.codec import encode
from josefine_wire.topics import AUDIO_RAW, DEAD_LETTERS, TRANSCRIPTS

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
        self.told.append(json.loads(text))

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

    def __init__(self, replica, opened, *, resumes=True, elsewhere=False, limits=None):
        self.replica, self.opened = replica, opened
        self.client, self.inbox = Client(), Inbox()
        self.live = LiveSession(
            Line(self.client, self.client.tell, self.inbox, elsewhere),
            opened,
            Conversation(Wanted(), Stream("r"), (), opened.standing.flushes),
            About("r", datetime.now(UTC), lambda payload: payload, resumes=resumes, resumable=not elsewhere),
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


def test_a_session_is_told_to_its_end():
    async def play(scene):
        scene.client.audio(b"1234")
        scene.client.text("CloseStream")
        scene.inbox.put(transcript())
        scene.inbox.put(end())
        return await scene.farewell(), scene.client

    farewell, client = played(play)
    assert farewell is closing.DONE
    assert client.kinds[0] == "Session"
    assert client.kinds[-1] == "Metadata"
    assert client.closed == (1000, "")


def test_what_was_heard_is_acknowledged_though_the_pipeline_is_faster_than_the_broker_s_answer():
    async def play(scene):
        answers = threading.Event()
        scene.replica.fates.append(answers)
        scene.client.audio(b"1234")
        scene.client.text("CloseStream")
        running = asyncio.create_task(scene.farewell())
        await scene.client.says.join()
        scene.inbox.put(end())
        await scene.inbox.records.join()
        answers.set()
        return await running, scene.client

    farewell, client = played(play)
    assert farewell is closing.DONE
    assert client.kinds == ["Session", "Results", "Acknowledged", "Metadata"]
    assert client.told[2]["bytes"] == 4


@pytest.mark.parametrize(
    ("leaves", "farewell"),
    [(CLOSE, closing.LEFT), (CUT, closing.CUT), ({**CLOSE, "code": 1011}, closing.CUT)],
)
def test_only_who_says_so_has_left(leaves, farewell):
    async def play(scene):
        scene.client.leaves(leaves)
        return await scene.farewell()

    assert played(play) is farewell


@pytest.mark.parametrize("leaves", [CLOSE, CUT])
def test_a_callback_is_told_to_the_end_though_the_client_has_left(leaves):
    async def play(scene):
        running = asyncio.create_task(scene.farewell())
        scene.client.audio(b"1234")
        scene.client.leaves(leaves)
        await scene.client.says.join()
        scene.inbox.put(transcript())
        scene.inbox.put(end())
        return await running, scene.client

    farewell, client = played(play, resumes=False, elsewhere=True)
    assert farewell is closing.DONE
    assert client.kinds == ["Results", "Metadata"]


@pytest.mark.parametrize(("elsewhere", "farewell"), [(True, closing.DONE), (False, closing.DRAINING)])
def test_a_replica_that_drains_waits_for_the_rest_of_what_no_other_can_tell(elsewhere, farewell):
    async def play(scene):
        running = asyncio.create_task(scene.farewell())
        scene.client.audio(b"1234")
        await scene.client.says.join()
        scene.live.end(closing.DRAINING)
        scene.inbox.put(transcript())
        scene.inbox.put(end())
        return await running

    assert played(play, resumes=False, elsewhere=elsewhere) is farewell


def test_a_callback_hears_the_rest_of_who_fell_silent():
    async def play(scene):
        upload, said = scene.opened.upload, asyncio.Event()
        write_end = upload.end

        async def end_upload():
            await write_end()
            said.set()

        upload.end = end_upload
        running = asyncio.create_task(scene.farewell())
        scene.client.audio(b"1234")
        await said.wait()
        scene.inbox.put(end())
        return await running

    limits = Limits(idle_close_s=0.0, slow_reader_s=60.0, patience_s=60.0)
    assert played(play, resumes=False, elsewhere=True, limits=limits) is closing.DONE


@pytest.mark.parametrize(("resumes", "farewell"), [(True, closing.QUIET), (False, closing.SILENT)])
def test_silence_ends_the_session_of_nobody_who_can_come_back(resumes, farewell):
    async def play(scene):
        return await scene.farewell()

    found = played(play, resumes=resumes, limits=Limits(idle_close_s=0.0, slow_reader_s=60.0, patience_s=60.0))
    assert found is farewell
    assert found.end_session is not resumes
    assert (found.code, found.reason) == (1011, "NET-0001")


def test_a_log_that_fails_is_noticed_by_who_waits_for_an_answer():
    async def play(scene):
        scene.replica.fates.append("lost")
        scene.client.text("Finalize")
        return await scene.farewell()

    assert played(play) is closing.BROKER


def test_who_comes_back_too_late_is_told_that_it_is_over():
    async def play(scene):
        scene.inbox.put(transcript())
        scene.inbox.put(end(reason="IDLE_TIMEOUT"))
        return await scene.farewell(), scene.client

    farewell, client = played(play)
    assert farewell is closing.DONE
    assert client.kinds == ["Session", "Results", "Metadata"]


def test_who_cannot_come_back_is_closed_for_its_silence():
    async def play(scene):
        scene.inbox.put(end(reason="IDLE_TIMEOUT"))
        return await scene.farewell()

    assert played(play, resumes=False) is closing.SILENT


def test_a_session_that_is_over_is_told_from_the_log():
    async def play(scene):
        await scene.opened.upload.audio(b"1234")
        await scene.opened.upload.end()
        at = scene.replica
        again = await reopen_session(at.audio_log, SESSION, scene.opened.token("key"), lambda: True)
        again.history = [(TRANSCRIPTS, transcript()), (TRANSCRIPTS, end())]
        back = Scene(at, again)
        back.client.text("CloseStream")
        return await back.farewell(), back.client

    farewell, client = played(play)
    assert farewell is closing.DONE
    assert client.kinds == ["Session", "Results", "Metadata"]
    assert client.told[0]["acknowledged"]["bytes"] == 4


@pytest.mark.parametrize("farewell", [closing.DRAINING, closing.SUPERSEDED])
def test_it_may_be_ended_before_it_has_begun(farewell):
    async def play(scene):
        scene.live.end(farewell)
        return await scene.farewell(), scene.client

    found, client = played(play)
    assert found is farewell
    assert client.told == []
    assert client.closed == (farewell.code, farewell.reason)


def test_a_replica_that_drains_says_first_what_is_safe():
    async def play(scene):
        running = asyncio.create_task(scene.farewell())
        scene.client.audio(b"1234")
        await scene.client.says.join()
        scene.live.end(closing.DRAINING)
        return await running, scene.client

    farewell, client = played(play)
    assert farewell is closing.DRAINING
    assert client.told[-1]["type"] == "Acknowledged"
    assert client.told[-1]["bytes"] == 4


@pytest.mark.parametrize(
    ("code", "own", "farewell"),
    [
        ("superseded", True, closing.SUPERSEDED),
        ("unknown_session", True, closing.OVER),
        ("after_end", True, closing.OVER),
        ("superseded", False, closing.LEFT),
        ("invalid_chunk", True, closing.LEFT),
    ],
)
def test_what_ingest_refuses_tells_who_has_the_session(code, own, farewell):
    async def play(scene):
        producer_id = scene.opened.producer_id if own else "another"
        (chunk,) = ChunkNumbering(SESSION, producer_id, 1).chunks(b"12")
        letter = {"topic": AUDIO_RAW, "code": code, "stage": "ingest", "value": encode(AUDIO_RAW, chunk)}
        scene.inbox.put(letter, DEAD_LETTERS)
        running = asyncio.create_task(scene.farewell())
        await scene.inbox.records.join()
        scene.client.leaves(CLOSE)
        return await running

    assert played(play) is farewell


def test_a_message_that_is_none_is_answered_and_harmless():
    async def play(scene):
        scene.client.says.put_nowait({"type": "websocket.receive", "text": "what?"})
        scene.client.text("CloseStream")
        scene.inbox.put(end(0, SECOND))
        return await scene.farewell(), scene.client

    farewell, client = played(play)
    assert farewell is closing.DONE
    assert "Error" in client.kinds


def test_a_client_that_leaves_its_handshake_is_noticed():
    async def main():
        client = Client()
        client.leaves({"type": "websocket.connect"})
        async with presence(client) as there:
            assert there()
            client.leaves(CUT)
            for _ in range(3):
                await asyncio.sleep(0)
            assert not there()

    asyncio.run(main())


def test_a_client_that_stays_is_heard_afterwards():
    async def main():
        client = Client()
        client.leaves({"type": "websocket.connect"})
        async with presence(client) as there:
            await asyncio.sleep(0)
            assert there()
        client.audio(b"1")
        assert (await client.receive())["bytes"] == b"1"

    asyncio.run(main())
