"""One connection from its greeting to its close frame, with a client and a log that are not there."""

import asyncio
import json
import threading
from datetime import UTC, datetime

import pytest
from log_kit import Log, replicas
from made_speech import SECOND, end, transcript

from josefine_client.chunks import ChunkNumbering, Session
from josefine_gateway.listen import closing, outbox
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


@pytest.mark.parametrize(
    ("more", "closes", "farewell"),
    [
        ({"resumes": False, "elsewhere": True}, False, closing.DONE),
        ({"resumes": False}, True, closing.DONE),
        ({"resumes": False}, False, closing.DRAINING),
        ({"resumes": True}, True, closing.DRAINING),
    ],
    ids=["a callback", "who has said all", "who speaks", "who comes back"],
)
def test_a_replica_that_drains_waits_for_the_rest_of_what_no_other_can_tell(more, closes, farewell):
    async def play(scene):
        running = asyncio.create_task(scene.farewell())
        scene.client.audio(b"1234")
        if closes:
            scene.client.text("CloseStream")
        await scene.client.says.join()
        scene.live.end(closing.DRAINING)
        scene.inbox.put(transcript())
        scene.inbox.put(end())
        return await running

    assert played(play, **more) is farewell


def test_a_callback_s_receiver_may_be_down_for_longer_than_a_client_may_be_slow():
    async def play(scene):
        back = asyncio.Event()
        told = scene.client.tell

        async def tell(text):
            await back.wait()
            await told(text)

        scene.client.tell = tell
        live = LiveSession(
            Line(scene.client, tell, scene.inbox, elsewhere=True),
            scene.opened,
            Conversation(Wanted(), Stream("r"), (), 0),
            About("r", datetime.now(UTC), lambda payload: payload, resumes=False),
            Limits(idle_close_s=60.0, slow_reader_s=0.0, patience_s=60.0),
            lambda opened: opened.session.session_id,
        )
        running = asyncio.create_task(live.run())
        scene.client.text("CloseStream")
        scene.inbox.put(transcript())
        scene.inbox.put(end())
        await scene.inbox.records.join()
        await asyncio.sleep(0.05)  # what would end it is a time-out of no time
        assert not running.done()
        back.set()
        await asyncio.wait_for(running, DEADLINE_S)
        return scene.client.kinds

    assert played(play) == ["Results", "Metadata"]


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


def long_history(finals, text="Hello there."):
    return [(TRANSCRIPTS, transcript(text=text, segment=number, start=number * SECOND)) for number in range(finals)]


def test_a_history_of_any_length_is_told_to_who_reads_it(monkeypatch):
    most_bytes, finals = 32 * 1024, 200
    monkeypatch.setattr(outbox, "MOST_BYTES", most_bytes)
    monkeypatch.setattr(outbox, "PLENTY_BYTES", most_bytes // 2)

    async def play(scene):
        scene.client.takes = lambda: asyncio.sleep(0)
        scene.opened.history = long_history(finals)
        scene.client.text("CloseStream")
        scene.inbox.put(end(finals, 0))
        return await scene.farewell(), scene.client

    farewell, client = played(play)
    assert len(json.dumps(client.told)) > 2 * most_bytes
    assert farewell is closing.DONE
    assert client.kinds[0] == "Session"
    assert [message["sequence_id"] for message in client.told[1 : finals + 1]] == list(range(1, finals + 1))


@pytest.mark.parametrize("seen", [(), (1_000,)], ids=["told", "seen"])
def test_others_have_their_turns_while_a_long_history_is_gone_through(seen):
    async def play(scene):
        scene.opened.history = long_history(1_000)
        running, turns = asyncio.create_task(scene.farewell()), 0
        while scene.opened.history:
            await asyncio.sleep(0)
            turns += 1
        scene.client.leaves(CLOSE)
        assert await running is closing.LEFT
        return turns, scene.client

    turns, client = played(play, seen=seen)
    assert turns > 50
    assert client.kinds == ["Session", *["Results"] * (0 if seen else 1_000)]


def test_what_a_client_says_meanwhile_is_answered_behind_its_history():
    async def play(scene):
        scene.opened.history = long_history(100)
        scene.client.text("nonsense")
        running = asyncio.create_task(scene.farewell())
        await scene.client.says.join()
        scene.client.leaves(CLOSE)
        await running
        return scene.client.kinds

    assert played(play) == ["Session", *["Results"] * 100, "Error"]


def test_a_client_that_takes_nothing_of_its_history_is_let_go():
    async def play(scene):
        scene.client.takes = asyncio.Event().wait
        scene.opened.history = long_history(300, "word " * 200)
        return await scene.farewell()

    limits = Limits(idle_close_s=60.0, slow_reader_s=0.01, patience_s=60.0)
    assert played(play, limits=limits) is closing.SLOW_READER


@pytest.mark.parametrize("farewell", [closing.DRAINING, closing.SUPERSEDED])
def test_it_may_be_ended_while_it_is_greeted(farewell):
    async def play(scene):
        scene.opened.history = long_history(1_000)
        taken = asyncio.Event()

        async def takes():
            taken.set()

        scene.client.takes = takes
        running = asyncio.create_task(scene.farewell())
        await taken.wait()
        scene.live.end(farewell)
        return await running, scene.client

    found, client = played(play)
    assert found is farewell
    assert client.kinds[0] == "Session"
    assert client.closed == (farewell.code, farewell.reason)
    assert len(client.told) < 1_000


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
