"""Messages on their way to a client that may be slow, or gone."""

import asyncio

import pytest

from josefine_gateway.listen.closing import SLOW_READER, ClosingError
from josefine_gateway.listen.outbox import MOST_BYTES, Outbox


async def stuck(_):
    await asyncio.Event().wait()


def test_a_message_that_nobody_takes_ends_the_connection():
    async def scene():
        outbox = Outbox(stuck, 0.01)
        outbox.put({"type": "Results"})
        with pytest.raises(ClosingError) as caught:
            await outbox.run()
        assert caught.value.farewell is SLOW_READER

    asyncio.run(scene())


def test_what_waits_is_bounded():
    outbox = Outbox(stuck, 1.0)
    outbox.put({"text": "a" * (MOST_BYTES - 100)})
    with pytest.raises(ClosingError):
        outbox.put({"text": "a" * 100})
