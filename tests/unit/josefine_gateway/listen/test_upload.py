"""A connection's audio under way: counted, bounded, and let go when it is durable."""

import asyncio

import pytest

from josefine_client.chunks import ChunkNumbering, Session
from josefine_gateway.access.limits import Replica, ReplicaLimits
from josefine_gateway.listen.upload import CREDIT_BYTES, FLUSHES_AT_ONCE, RECORD_BYTES, Upload
from josefine_stage.errors import BrokerError
from josefine_wire.records import session_config


class Log:
    """Takes records, and says so when it is told to."""

    def __init__(self):
        self.writes = []

    def send(self, write):
        self.writes.append(write)

    def acknowledge(self, error=None):
        writes, self.writes = self.writes, []
        for write in writes:
            write.lane.failed = error
            write.done(error)


def upload(log, replica, encoding="linear16"):
    session = Session("s", session_config(), encoding, 16_000, 1)
    return Upload(log, replica, session, ChunkNumbering(session, "p", 0))


def replica(most_bytes=2**30):
    return Replica(ReplicaLimits(10, most_bytes))


async def waits(coroutine):
    """Returns the task, which has begun and is not done."""
    task = asyncio.ensure_future(coroutine)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    return task


def test_a_replica_that_is_full_lets_every_connection_wait():
    async def scene():
        log, room = Log(), replica(100_000)
        await upload(log, room).audio(bytes(100_000))
        assert room.bytes >= 100_000
        other = await waits(upload(log, room).audio(bytes(40_000)))
        assert sum(len(write.value) for write in log.writes) < 110_000
        log.acknowledge()
        await other
        log.acknowledge()
        await asyncio.sleep(0)
        assert room.bytes == 0

    asyncio.run(scene())


def test_what_the_log_does_not_take_is_not_under_way_any_more():
    async def scene():
        log, room = Log(), replica()
        waiting = await waits(upload(log, room).audio(bytes(CREDIT_BYTES + 1)))
        log.acknowledge(BrokerError("gone"))
        with pytest.raises(Exception, match="gone"):
            await waiting
        assert room.bytes == 0

    asyncio.run(scene())


def test_records_count_even_if_they_are_nearly_empty():
    async def scene():
        log, room = Log(), replica()
        packets = upload(log, room, "opus")

        async def flood():
            for _ in range(100_000):
                await packets.audio(b"x")

        flooding = await waits(flood())
        assert len(log.writes) <= 1 + CREDIT_BYTES / RECORD_BYTES
        flooding.cancel()

    asyncio.run(scene())


def test_a_flood_of_flushes_is_slowed_down():
    async def scene():
        log, room = Log(), replica()
        flushing = upload(log, room)
        for _ in range(FLUSHES_AT_ONCE):
            await flushing.flush()
        late = await waits(flushing.flush())
        assert len(log.writes) == FLUSHES_AT_ONCE
        late.cancel()

    asyncio.run(scene())


def test_a_frame_of_a_tenth_of_a_second_does_not_wait_for_another():
    async def scene():
        log = Log()
        speaking = upload(log, replica())
        for _ in range(4):
            await speaking.audio(bytes(640))
        assert not log.writes
        await speaking.audio(bytes(640))
        assert len(log.writes) == 1
        await speaking.audio(bytes(3_200))
        assert len(log.writes) == 2

    asyncio.run(scene())
