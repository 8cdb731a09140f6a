"""The ingest handler under the real runtime, where it matters what is stored and when a session is dropped."""

import pytest
from made_audio import sample_file, speechlike
from made_sessions import chunks, pieces, start
from stage_kit import World

from josefine_ingest.handler import IngestHandler
from josefine_ingest.limits import IngestLimits
from josefine_wire import topics
from josefine_wire.codec import encode
from josefine_wire.records import AudioChunk, SessionStart

KINDS: dict[str, tuple[SessionStart, bytes, int]] = {
    "pcm": (start(), speechlike(2.0).tobytes(), 6400),
    "flac": (start("container", 0, 0), sample_file("flac", 2.0), 3000),
}


@pytest.mark.parametrize("keeps_metadata", [True, False])
@pytest.mark.parametrize("crashes_after", [None, 1, 2, 3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_a_session_that_begins_behind_a_chunk_of_its_own_that_came_too_early_is_heard(
    kind: str, crashes_after: int | None, *, keeps_metadata: bool
) -> None:
    """The early chunk is refused and leaves a session that is over, which the first chunk opens again."""
    begin, payload, size = KINDS[kind]
    session = chunks(list(pieces(payload, size)), begin)
    others = iter(chunks([bytes(640)] * 99, start(), "other"))
    world = World(
        make_handler=lambda: IngestHandler(IngestLimits(), clock=lambda: 0.0),
        snapshot_interval_s=5.0,
        keeps_metadata=keeps_metadata,
    )
    for number, record in enumerate([session[-1], *session]):
        publish(world, record)
        world.turn(5)
        if number == crashes_after:
            world.crash()  # before what was heard is in the store
        sweep(world)
        if number:
            # Another session keeps commits coming.
            publish(world, next(others))
            sweep(world)
    assert {(letter["code"], letter["offset"]) for letter in world.dead()} == {("unknown_session", 0)}
    frames = {frame["sequence"]: frame for frame in world.read(topics.AUDIO_FRAMES) if frame["session_id"] == "s"}
    assert sum(len(frame["samples"]) for frame in frames.values()) == len(speechlike(2.0)) * 2
    assert frames[max(frames)]["end"]["reason"] == "COMPLETE"


def sweep(world: World) -> None:
    world.clock.now_s += 1.1
    world.turn(10)


def publish(world: World, record: AudioChunk) -> None:
    world.log.append(topics.AUDIO_RAW, record["session_id"].encode(), encode(topics.AUDIO_RAW, record))
