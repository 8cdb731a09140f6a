"""No session keeps another waiting, none fills the memory."""

import threading
from itertools import count

import numpy as np
from made_audio import encoded, sample_file, speechlike
from made_sessions import Stage, chunk, chunks, inputs, pieces, start

from josefine_ingest.handler import IngestHandler
from josefine_ingest.limits import IngestLimits
from josefine_ingest.session import RECORDED_FRAME_S
from josefine_wire.positions import SAMPLE_RATE_HZ


def stage_with(limits: IngestLimits, *, pieces_a_turn: int = 1) -> Stage:
    """A stage whose turns end after so many looks at the clock."""
    ticks = count()
    limits = IngestLimits(**{name: getattr(limits, name) for name in limits.__slots__} | {"turn_s": pieces_a_turn})
    return Stage(IngestHandler(limits, clock=lambda: float(next(ticks))))


def silence(seconds: int) -> bytes:
    return encoded("flac", np.zeros((seconds * 16_000, 1), np.int16), 16_000)


def test_a_long_recording_comes_in_pieces() -> None:
    stage = stage_with(IngestLimits(recorded_rate=1e9))
    stage.accept(inputs([chunk(0, silence(120), start=start("container", 0, 0, "RECORDED"), end=True)]))
    most_s = 0.0
    while stage.handler.busy():
        progress = stage.turn()
        most_s = max(most_s, sum(len(out.record["samples"]) for each in progress for out in each.outputs) / 32_000)
    assert most_s < 7.0
    assert [each.done for each in stage.progress].count(True) == 1
    assert stage.progress[-1].done
    assert stage.end()["samples"] == 120 * SAMPLE_RATE_HZ


def test_live_sessions_do_not_wait_for_a_recording() -> None:
    stage = stage_with(IngestLimits(recorded_rate=1e9))
    stage.run(inputs([chunk(0, start=start("linear16", 16_000, 1, "RECORDED"), session="long")]))
    stage.accept(inputs([chunk(1, bytes(1_000_000), session="long")], first_offset=1))
    stage.turn()
    speech = chunks([speechlike(0.1).tobytes()], start())
    stage.accept(inputs(speech, first_offset=2))
    done = [each.input.offset for each in stage.turn() if each.done]
    assert done == [2]
    assert stage.handler.busy()


def test_live_sessions_take_turns() -> None:
    stage = stage_with(IngestLimits())
    records = [chunk(0, start=start(), session=name) for name in "ab"]
    stage.run(inputs(records))
    stage.accept(inputs([chunk(1, bytes(960_000), session="a"), chunk(1, bytes(3_200), session="b")], first_offset=2))
    for _ in range(2):
        stage.turn()
    assert stage.done[-1] == 3


def test_a_recording_gets_on_while_live_sessions_speak() -> None:
    stage = stage_with(IngestLimits(recorded_rate=1e9))
    stage.run(inputs([chunk(0, start=start(mode="RECORDED"), session="long"), chunk(0, start=start())]))
    stage.accept(inputs([chunk(1, bytes(1_000_000), session="long", end=True)], first_offset=2))
    offset, turns = 3, 0
    while 2 not in stage.done:
        stage.accept(inputs([chunk(offset - 2, bytes(320))], first_offset=offset))
        stage.turn()
        offset, turns = offset + 1, turns + 1
    assert turns < 20


def test_a_recording_has_a_rate() -> None:
    stage = stage_with(IngestLimits(recorded_rate=10.0), pieces_a_turn=100)
    stage.accept(inputs([chunk(0, start=start(mode="RECORDED"))]))
    stage.accept(inputs([chunk(n, bytes(32_000)) for n in range(1, 60)], first_offset=1))
    for _ in range(15):
        stage.turn(passed_s=0.1)
    # A second's worth at once, then ten a second for a second and a half; the last frame is not full.
    assert 20 <= RECORDED_FRAME_S * len(stage.frames()) <= 27
    assert stage.handler.busy()


def test_a_replay_has_no_rate() -> None:
    stage = stage_with(IngestLimits(recorded_rate=1.0), pieces_a_turn=1_000)
    stage.accept(inputs([chunk(0, start=start(mode="RECORDED"))], committed=1_000))
    stage.accept(inputs([chunk(n, bytes(32_000)) for n in range(1, 60)], first_offset=1, committed=1_000))
    stage.turn()
    assert len(stage.frames()) == 59 // RECORDED_FRAME_S
    assert not stage.handler.busy()


def test_an_overdue_chunk_has_no_rate() -> None:
    """Its partition's offset stands still until it is done."""
    stage = stage_with(IngestLimits(recorded_rate=10.0), pieces_a_turn=1_000)
    stage.accept(inputs([chunk(0, silence(120), start=start("container", 0, 0, "RECORDED"), end=True)]))
    stage.turn()
    assert 8 <= RECORDED_FRAME_S * len(stage.frames()) <= 20
    stage.turn(passed_s=2.1)
    assert stage.end()["reason"] == "COMPLETE"


def test_chunks_that_were_read_long_ago_have_no_rate() -> None:
    """Every later record of their partition waits for them, those of live sessions too."""
    stage = stage_with(IngestLimits(recorded_rate=10.0), pieces_a_turn=1_000)
    stage.accept(inputs([chunk(0, start=start(mode="RECORDED"))]))
    stage.accept(inputs([chunk(n, bytes(32_000)) for n in range(1, 60)], first_offset=1))
    for _ in range(12):
        stage.turn(passed_s=0.21)
    assert stage.done == list(range(60))
    stage.accept(inputs([chunk(n, bytes(32_000)) for n in range(60, 100)], first_offset=60))
    stage.turn(passed_s=0.21)
    assert stage.handler.busy()


def test_full_is_a_matter_of_bytes() -> None:
    stage = stage_with(IngestLimits(queue_limit_bytes=3_000_000))
    stage.accept(inputs([chunk(0, start=start())]))
    assert not stage.handler.full()
    stage.accept(inputs([chunk(n, bytes(1_000_000)) for n in range(1, 4)], first_offset=1))
    assert stage.handler.full()
    assert stage.handler.status()["queued_bytes"] > 3_000_000
    stage.run()
    assert not stage.handler.full()
    assert stage.handler.status() == {"sessions": 1, "queued_bytes": 0}


def test_forgotten_sessions_take_everything_with_them() -> None:
    threads = threading.active_count()
    stage = stage_with(IngestLimits())
    for name in ("flac", "webm-opus", "m4a"):
        stage.accept(inputs([chunk(0, sample_file(name)[:5_000], name, start=start("container", 0, 0))]))
    stage.accept(inputs([chunk(0, bytes(1_000_000), "pcm", start=start(mode="RECORDED"))]))
    for _ in range(6):
        stage.turn()
    assert threading.active_count() > threads
    stage.handler.forget(["flac", "webm-opus", "m4a", "pcm", "never seen"])
    assert threading.active_count() == threads
    assert not stage.handler.busy()
    assert stage.handler.status() == {"sessions": 0, "queued_bytes": 0}
    stage.turn()


def test_a_session_may_be_begun_again_after_it_was_forgotten() -> None:
    stage = stage_with(IngestLimits())
    records = chunks(list(pieces(speechlike(1.0).tobytes(), 3_200)), start())
    stage.accept(inputs(records[:5]))
    stage.turn()
    stage.handler.forget(["s"])
    stage.known.clear()
    stage.progress.clear()
    stage.run(inputs(records))
    assert stage.signal().tobytes() == speechlike(1.0).tobytes()


def test_readiness_is_a_real_decode() -> None:
    stage = stage_with(IngestLimits())
    assert stage.handler.ready()
    stage.turn(passed_s=11)
    assert stage.handler.ready()
