"""Messages on their way to a client that may be slow, or gone."""

import asyncio
import json

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


async def cancelled(task):
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_messages_go_in_their_order():
    async def main():
        sent, all_sent = [], asyncio.Event()

        async def send(text):
            sent.append(json.loads(text)["n"])
            if len(sent) == 4:
                all_sent.set()

        outbox = Outbox(send, slow_reader_s=60.0)
        outbox.put({"n": 0})
        running = asyncio.create_task(outbox.run())
        outbox.put({"n": 1})
        await asyncio.sleep(0)
        outbox.put({"n": 2})
        outbox.put({"n": 3})
        await all_sent.wait()
        await cancelled(running)
        return sent

    assert asyncio.run(main()) == [0, 1, 2, 3]


def test_a_message_that_was_on_its_way_is_sent_once_at_the_end():
    async def main():
        sent, waits = [], asyncio.Event()

        async def send(text):
            waits.set()
            await takes.wait()
            sent.append(json.loads(text)["n"])

        takes = asyncio.Event()
        outbox = Outbox(send, slow_reader_s=60.0)
        outbox.put({"n": 0})
        outbox.put({"n": 1})
        running = asyncio.create_task(outbox.run())
        await waits.wait()
        await cancelled(running)
        takes.set()
        await outbox.drain()
        return sent

    assert asyncio.run(main()) == [0, 1]
