import asyncio
import json

import pytest

from josefine_gateway.listen.closing import SLOW_READER, ClosingError
from josefine_gateway.listen.outbox import MOST_BYTES, Outbox


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


def test_who_does_not_read_is_cut_off():
    async def main():
        outbox = Outbox(lambda _: asyncio.Event().wait(), slow_reader_s=0.01)
        outbox.put({"n": 0})
        with pytest.raises(ClosingError) as closed:
            await outbox.drain()
        return closed.value.farewell

    assert asyncio.run(main()) is SLOW_READER


def test_what_waits_is_bounded():
    async def main():
        outbox = Outbox(lambda _: asyncio.sleep(0), slow_reader_s=60.0)
        message = {"text": "x" * (MOST_BYTES // 4)}
        for _ in range(3):
            outbox.put(message)
        with pytest.raises(ClosingError):
            outbox.put(message)

    asyncio.run(main())
