"""A record that cannot be worked on is buried alone."""

import pytest
from running_totals import chunk
from stage_kit import World

from josefine_stage.errors import TooManyDeadLettersError
from josefine_wire import topics
from josefine_wire.codec import encode


def test_garbage_goes_to_the_dead_letters_with_its_offset_and_stops_nobody() -> None:
    world = World()
    world.publish("a", 0)
    world.log.append(topics.AUDIO_RAW, b"x", b"garbage")
    world.log.append(topics.AUDIO_RAW, b"wrong", encode(topics.AUDIO_RAW, chunk("a", 1)))
    world.publish("a", 1)
    world.turn(5)
    assert len(world.totals("a")) == 2
    first = world.dead()[0]
    assert (first["code"], first["offset"], first["value"]) == ("unreadable", 1, b"garbage")
    assert world.dead()[1]["code"] == "wrong_key"


def test_a_record_that_makes_the_handler_raise_is_found_and_buried_alone() -> None:
    world = World()
    for sequence in range(3):
        world.publish("a", sequence)
    world.publish("p", 0, b"poison")
    for sequence in range(3, 6):
        world.publish("a", sequence)
    world.turn(30)
    assert world.totals("a") == [(n, n + 1) for n in range(6)]
    assert [(d["code"], d["offset"]) for d in world.dead()] == [("handler_failed", 3)]


def test_many_failing_sessions_stop_the_stage_and_one_failing_session_does_not() -> None:
    world = World()
    world.start(limit=3)
    for sequence in range(50):
        world.publish("one", sequence, b"bad")
    world.turn(10)
    assert len(world.dead()) == 50
    for number in range(5):
        world.publish(f"s{number}", 0, b"bad")
    with pytest.raises(TooManyDeadLettersError):
        world.turn(3)


def test_what_was_expected_stops_nobody_however_often_it_comes() -> None:
    world = World()
    world.start(limit=3)
    for number in range(10):
        world.publish(f"s{number}", 0, b"late")
    world.turn(10)
    assert [letter["code"] for letter in world.dead()] == ["late"] * 10


def test_an_output_that_fits_no_schema_is_a_dead_letter() -> None:
    world = World()
    world.publish("a", 0, b"huge")
    world.publish("a", 1)
    world.publish("b", 0)
    world.turn(10)
    assert [letter["code"] for letter in world.dead()] == ["unwritable"]
    assert len(world.totals("a")) == len(world.totals("b")) == 1


def test_a_record_of_a_session_that_is_open_in_another_partition_is_no_record_of_it() -> None:
    world = World(partitions=2)
    for sequence in range(5):
        world.publish("other", sequence, partition=0)
    for sequence in range(6):
        world.publish("a", sequence, partition=sequence % 2)
        world.turn(3)
    assert [sequence for sequence, _ in world.totals("a")] == [0, 2, 4]
    assert [(letter["code"], letter["partition"], letter["offset"]) for letter in world.dead()] == [
        ("wrong_partition", 1, offset) for offset in range(3)
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [(b"x", bytes(topics.MAX_RECORD_BYTES)), (b"k" * (topics.MAX_RECORD_BYTES // 2), b"v")],
    ids=["value", "key"],
)
def test_a_record_that_no_letter_holds_is_named_alone(key: bytes, value: bytes) -> None:
    world = World()
    world.log.append(topics.AUDIO_RAW, key, value)
    world.publish("a", 0)
    world.turn(5)
    [letter] = world.dead()
    assert (letter["code"], letter["offset"], letter["key"], letter["value"]) == ("unreadable", 0, None, None)
    assert f"its {len(key) + len(value)} bytes" in letter["reason"]
    [written] = world.log.read(topics.DEAD_LETTERS)
    assert len(written.key or b"") + len(written.value or b"") < 1_000
    assert len(world.totals("a")) == 1


def test_a_stray_record_takes_its_session_from_no_other_partition() -> None:
    world = World(partitions=2)
    for sequence in range(3):
        world.publish("a", sequence)
    world.turn(250)
    world.crash()
    world.publish("a", 3, partition=1)
    world.turn(3)
    for sequence in range(4, 7):
        world.publish("a", sequence)
    world.turn(10)
    assert [sequence for sequence, _ in world.totals("a")] == list(range(7))
    assert world.dead() == []
