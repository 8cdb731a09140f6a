"""One connection from its greeting to its close frame, with a client and a log that are not there."""

import asyncio
import threading

import pytest
from live_kit import CLOSE, CUT, SESSION, Client, played
from made_speech import SECOND, end, transcript

from josefine_client.chunks import ChunkNumbering
from josefine_gateway.listen import closing
from josefine_gateway.listen.live import Limits
from josefine_gateway.listen.presence import presence
from josefine_wire.codec import encode
from josefine_wire.topics import AUDIO_RAW, DEAD_LETTERS


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
        asked, back = asyncio.Event(), asyncio.Event()

        async def takes():
            asked.set()
            await back.wait()

        scene.client.takes = takes
        scene.client.text("CloseStream")
        scene.inbox.put(transcript())
        scene.inbox.put(end())
        running = asyncio.create_task(scene.farewell())
        await asked.wait()
        for _ in range(100):  # a time-out of no time is over in a few
            await asyncio.sleep(0)
        assert not running.done()
        back.set()
        await running
        return scene.client.kinds

    limits = Limits(idle_close_s=60.0, slow_reader_s=0.0, patience_s=60.0)
    assert played(play, resumes=False, elsewhere=True, limits=limits) == ["Results", "Metadata"]


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
