from hypothesis import given
from hypothesis import strategies as st

from josefine_client.results import SessionResult

GAP = {"start_sample": 100, "samples": 50, "reason": "missing_chunks"}


def test_finals_come_in_order_of_channel_and_segment(engine):
    result = SessionResult("s")
    for channel, segment in [(1, 0), (0, 1), (0, 0)]:
        result.add_transcript(engine.transcript("FINAL", channel=channel, segment=segment, channels=2))

    assert [(f["channel"], f["segment"]) for f in result.finals()] == [(0, 0), (0, 1), (1, 0)]
    assert [f["segment"] for f in result.finals(channel=0)] == [0, 1]


def test_repeated_records_are_not_new(engine):
    result = SessionResult("s")
    records = [
        engine.transcript("INTERIM", revision=50),
        engine.transcript("FINAL"),
        engine.transcript("END", segment=1),
    ]

    assert [result.add_transcript(record) for record in records] == [True, True, True]
    assert [result.add_transcript(record) for record in records] == [False, False, False]
    assert result.add_understanding(engine.understanding("SEGMENT"))
    assert not result.add_understanding(engine.understanding("SEGMENT"))
    assert result.add_dead_letter(engine.dead_letter())
    assert not result.add_dead_letter(engine.dead_letter())


def test_an_interim_of_a_finished_segment_is_dropped(engine):
    result = SessionResult("s")
    result.add_transcript(engine.transcript("INTERIM", revision=50, text="hello"))
    assert result.interim(0)["text"] == "hello"

    result.add_transcript(engine.transcript("FINAL"))

    assert result.interim(0) is None
    assert not result.add_transcript(engine.transcript("INTERIM", revision=60))
    assert result.add_transcript(engine.transcript("INTERIM", segment=1, revision=10))


def test_a_session_is_complete_when_every_channel_has_ended_and_is_understood(engine):
    result = SessionResult("s")
    assert not result.complete
    steps = []
    for channel in (0, 1):
        result.add_transcript(engine.transcript("END", channel=channel, channels=2))
        steps.append((result.transcribed, result.complete))
    for channel in (0, 1):
        result.add_understanding(engine.understanding("END", channel=channel, channels=2))
        steps.append((result.transcribed, result.complete))

    assert steps == [(False, False), (True, False), (True, False), (True, True)]


def flushed(engine, number, segment, **more):
    return engine.transcript("FLUSHED", segment=segment, revision=number, **more)


def test_each_answer_to_flush_is_new_once(engine):
    result = SessionResult("s")
    answers = [flushed(engine, 3, 0), flushed(engine, 4, 0), flushed(engine, 10, 1), flushed(engine, 4, 0, channel=1)]

    assert [result.add_transcript(record) for record in answers] == [True] * 4
    assert [result.add_transcript(record) for record in answers] == [False] * 4
    assert result.flushed(0)["id"] == "s/0/flush/10"
    assert result.flushed(2) is None
    assert result.finals() == []
    assert not result.complete


def test_an_answer_to_flush_ends_the_interims_before_it(engine):
    result = SessionResult("s")
    for segment in (0, 1):
        result.add_transcript(engine.transcript("INTERIM", segment=segment))
    result.add_transcript(flushed(engine, 3, 1))

    assert result.interim(0)["segment"] == 1
    assert not result.add_transcript(engine.transcript("INTERIM", segment=0, revision=200))
    assert result.add_transcript(engine.transcript("INTERIM", segment=1, revision=200))


def test_a_session_may_begin_with_an_answer_to_flush(engine):
    result = SessionResult("s")
    result.add_transcript(flushed(engine, 0, 0, channels=2, end_sample=16_000))

    assert (result.channels, result.transcribed, result.length_samples) == (2, False, 16_000)


def test_without_understanding_the_transcript_is_all(engine):
    result = SessionResult("s", want_understanding=False)
    result.add_transcript(engine.transcript("END"))

    assert result.complete


def test_errors_gaps_and_length_come_from_the_records(engine):
    result = SessionResult("s")
    result.add_transcript(engine.transcript("FINAL", gaps=[GAP]))
    end = engine.transcript(
        "END",
        segment=1,
        end_sample=48_000,
        reason="ERROR",
        error={"code": "decode_error", "message": "no audio"},
        gaps=[GAP, {**GAP, "start_sample": 9_000}],
    )
    result.add_transcript(end)

    assert result.error == {"code": "decode_error", "message": "no audio"}
    assert result.reason == "ERROR"
    assert [found.gap["start_sample"] for found in result.gaps()] == [100, 9_000]
    assert result.length_samples == 48_000


def records(engine):
    made = []
    for segment in range(3):
        made += [engine.transcript("INTERIM", segment=segment, revision=r) for r in (10, 20)]
        made.append(engine.transcript("FINAL", segment=segment, text=f"words of {segment}"))
        made.append(flushed(engine, segment, segment + 1))
    return [*made, engine.transcript("END", segment=3)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 10)), max_size=5))
def test_replays_of_any_stretch_change_nothing(engine, replays):
    log = records(engine)
    once, often = SessionResult("s"), SessionResult("s")
    for record in log:
        once.add_transcript(record)
    for position, record in enumerate(log):
        often.add_transcript(record)
        for start, length in replays:
            for again in log[: position + 1][start : start + length]:
                often.add_transcript(again)

    assert often.finals() == once.finals()
    assert often.flushed(0) == once.flushed(0) is not None
    assert often.transcribed
    assert often.interim(0) is None
