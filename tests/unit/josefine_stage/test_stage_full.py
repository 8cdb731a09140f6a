"""Reading rests while the handler is full."""

from stage_kit import World


def test_reading_pauses_while_the_handler_is_full() -> None:
    world = World()
    for number in range(200):
        world.publish(f"s{number}", 0, bytes([150]))
    world.turn(12)
    assert len(world.handler._pending) < 70
    world.turn(500)
    assert sum(len(world.totals(f"s{n}")) for n in range(200)) == 200


def test_a_rebalance_while_reading_is_paused_does_not_leave_a_partition_paused() -> None:
    world = World()
    for number in range(200):
        world.publish(f"s{number}", 0, bytes([250]))
    world.turn(100)
    assert world.reader._paused
    world.reader.assign([1])
    world.handler._pending = [(0, progress) for _, progress in world.handler._pending]  # and room, in the same turn
    world.turn(600)
    assert sum(len(world.totals(f"s{n}")) for n in range(200)) == 200
