"""Who has a session at this replica."""

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest

from josefine_gateway.listen.closing import DRAINING, SUPERSEDED
from josefine_gateway.listen.sessions import Sessions


class Upload:
    def __init__(self):
        self.ended = asyncio.Event()

    async def end(self):
        self.ended.set()


def opened(upload, session_id="s"):
    session = SimpleNamespace(session_id=session_id)
    return SimpleNamespace(session=session, upload=upload, place=AsyncExitStack())


def test_the_later_connection_has_the_session():
    async def main():
        sessions, farewells = Sessions(30.0), []
        first, second = (lambda farewell, name=name: farewells.append((name, farewell)) for name in "ab")
        sessions.enter("s", first)
        sessions.enter("s", second)
        sessions.leave("s", first)
        assert farewells == [("a", SUPERSEDED)]
        assert len(sessions) == 1
        sessions.leave("s", second)
        assert len(sessions) == 0

    asyncio.run(main())


def test_a_handshake_is_alone_until_a_later_one_comes():
    async def main():
        sessions = Sessions(30.0)
        with sessions.claim("s") as first, sessions.claim("other") as other:
            assert first()
            with sessions.claim("s") as second:
                assert (first(), second(), other()) == (False, True, True)
            # The later one has come through or was refused: what is left of the earlier one is too late all the same.
            assert not first()
        with sessions.claim("s") as third:
            assert third()

    asyncio.run(main())


def test_a_handshake_ends_the_connection_that_had_the_session():
    async def main():
        sessions, farewells = Sessions(30.0), []
        sessions.enter("s", farewells.append)
        with sessions.claim("s"):
            assert farewells == [SUPERSEDED]

    asyncio.run(main())


def test_who_does_not_come_back_ends():
    async def main():
        sessions, upload = Sessions(0.0), Upload()
        sessions.park(opened(upload))
        assert sessions.parked == 1
        await upload.ended.wait()
        await asyncio.sleep(0)
        assert sessions.parked == 0

    asyncio.run(main())


def test_who_comes_back_goes_on():
    async def main():
        sessions, upload = Sessions(0.0), Upload()
        sessions.park(opened(upload))
        with sessions.claim("s"):
            for _ in range(5):
                await asyncio.sleep(0)
        assert (sessions.parked, upload.ended.is_set()) == (0, False)

    asyncio.run(main())


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_session_that_waits_keeps_its_place_until_it_ends_or_goes_on(comes_back):
    async def main():
        sessions, session, free = Sessions(0.0 if not comes_back else 30.0), opened(Upload()), asyncio.Event()

        async def leave():
            free.set()

        async with AsyncExitStack() as connection:
            session.place = connection
            connection.push_async_callback(leave)
            sessions.park(session)
        assert not free.is_set()
        if comes_back:
            sessions.release("s")
        await free.wait()

    asyncio.run(asyncio.wait_for(main(), 30.0))


def test_a_session_that_is_cut_again_waits_as_long_again():
    async def main():
        sessions, upload = Sessions(30.0), Upload()
        sessions.park(opened(upload))
        sessions.park(opened(upload))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        # The first wait, which is over, has not taken the second one with it.
        assert sessions.parked == 1
        sessions.release("s")
        assert sessions.parked == 0

    asyncio.run(main())


def test_a_replica_that_ends_tells_everybody_and_those_who_come_meanwhile():
    async def main():
        sessions, farewells = Sessions(30.0), []

        def leaving(name):
            def end(farewell):
                farewells.append((name, farewell))
                asyncio.get_running_loop().call_soon(sessions.leave, name, end)

            return end

        sessions.enter("a", leaving("a"))
        draining = asyncio.create_task(sessions.drain())
        await asyncio.sleep(0)
        sessions.enter("b", leaving("b"))  # its handshake was under way
        await asyncio.wait_for(draining, 10.0)
        assert farewells == [("a", DRAINING), ("b", DRAINING)]

    asyncio.run(main())
