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


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_that_begins_behind_a_chunk_of_its_own_that_came_too_early_is_heard(kind: str) -> None:
    """The early chunk is refused and leaves a session that is over, which the first chunk opens again."""
    begin, payload, size = KINDS[kind]
    session = chunks(list(pieces(payload, size)), begin)
    others = iter(chunks([bytes(640)] * 99, start(), "other"))
    world = World(make_handler=lambda: IngestHandler(IngestLimits(), clock=lambda: 0.0), snapshot_interval_s=5.0)
    for record in [session[-1], *session]:
        publish(world, record)
        # Another session keeps commits coming, while several sweeps pass.
        publish(world, next(others))
        world.turn(20)
        world.clock.now_s += 1.5
        world.turn(20)
    assert [(letter["code"], letter["offset"]) for letter in world.dead()] == [("unknown_session", 0)]
    frames = [record for record in world.read(topics.AUDIO_FRAMES) if record["session_id"] == "s"]
    assert sum(len(frame["samples"]) for frame in frames) == 2 * 32_000
    assert frames[-1]["end"]["reason"] == "COMPLETE"


def publish(world: World, record: AudioChunk) -> None:
    world.log.append(topics.AUDIO_RAW, record["session_id"].encode(), encode(topics.AUDIO_RAW, record))
