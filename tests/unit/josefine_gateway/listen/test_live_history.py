"""What a connection that goes on with a session is told first, however long that is."""

import asyncio
import json

import pytest
from live_kit import CLOSE, SESSION, Scene, played
from made_speech import SECOND, end, transcript

from josefine_gateway.listen import closing, outbox
from josefine_gateway.listen.live import Limits
from josefine_gateway.listen.opening import reopen_session
from josefine_wire.topics import TRANSCRIPTS


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
