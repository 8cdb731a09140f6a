import pytest

from josefine_client.chunks import Session
from josefine_client.pacing import Piece
from josefine_client.player import Finished, Player, PlayOptions, Recording, Sent, Started


def recording(name, payloads=("so", "it", "is"), **more):
    pieces = [Piece(payload.encode(), 0.5 * number) for number, payload in enumerate(payloads, start=1)]
    return Recording(Session(name), pieces, **more)


def player(pipe, **options):
    return Player(pipe.publisher, pipe.collector, PlayOptions(**options))


def finished(events):
    return {e.recording.session.session_id: e for e in events if isinstance(e, Finished)}


def test_many_recordings_give_each_its_own_transcript(answering):
    jobs = [recording(f"r{number}", (f"text{number}", "more")) for number in range(40)]

    done = finished(player(answering).play(jobs))

    assert len(done) == 40
    assert all(each.failure is None for each in done.values())
    assert done["r7"].result.finals()[0]["text"] == "text7more"


def test_no_more_are_in_flight_than_allowed(answering):
    in_flight, most = 0, 0
    for event in player(answering, in_flight=3).play([recording(f"r{n}") for n in range(10)]):
        in_flight += isinstance(event, Started) - isinstance(event, Finished)
        most = max(most, in_flight)

    assert most == 3


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_pieces_are_sent_when_they_would_have_been_spoken(answering, speed):
    begin_s = answering.clock.now_s
    list(player(answering).play([recording("r", speed=speed)]))

    times = [at - begin_s for at in answering.writer.sent_at_s]
    assert times == pytest.approx([0.5 / speed, 1.0 / speed, 1.5 / speed])


def test_being_late_with_one_piece_makes_no_other_late(answering):
    begin_s = answering.clock.now_s
    lateness = iter([0.3])
    for event in player(answering).play([recording("r", "abcd", speed=1.0)]):
        if isinstance(event, Sent):
            answering.clock.now_s += next(lateness, 0.0)

    times = [at - begin_s for at in answering.writer.sent_at_s]
    assert times == pytest.approx([0.5, 1.0, 1.5, 2.0])
    start_us = int((begin_s + 1_700_000_000) * 1e6)
    captured = [chunk["captured_at"] - start_us for chunk in answering.writer.records]
    assert captured == pytest.approx([500_000, 1_000_000, 1_500_000, 2_000_000], abs=2)


def test_recordings_start_when_they_are_told_to(answering):
    begin_s = answering.clock.now_s
    jobs = [recording("a", speed=1.0), recording("b", speed=1.0, delay_s=0.7)]
    list(player(answering).play(jobs))

    first_of_b = next(
        at for at, c in zip(answering.writer.sent_at_s, answering.writer.records, strict=True) if c["session_id"] == "b"
    )
    assert first_of_b - begin_s == pytest.approx(0.7 + 0.5)


def test_an_empty_recording_is_a_session_that_ends_at_once(answering):
    done = finished(player(answering).play([Recording(Session("e"), [])]))

    [chunk] = answering.writer.of("e")
    assert chunk["end"]
    assert chunk["start"] is not None
    assert done["e"].failure is None


def test_what_cannot_be_read_to_its_end_fails_alone(answering):
    def torn():
        yield Piece(b"half", 0.0)
        raise OSError(5, "Input/output error")

    done = finished(player(answering).play([Recording(Session("bad"), torn()), recording("good")]))

    assert done["bad"].failure == "cannot be read: Input/output error"
    assert answering.writer.of("bad")[-1]["end"]
    assert done["good"].failure is None


def test_silence_of_the_engine_is_told_after_the_patience(pipe):
    begin_s = pipe.clock.now_s
    done = finished(player(pipe, patience_s=20).play([recording("s", speed=1.0)]))

    assert "no more results for 20 s" in done["s"].failure
    assert "josefine status" in done["s"].failure
    assert "--patience" in done["s"].failure
    assert 21.5 <= pipe.clock.now_s - begin_s < 23


def test_a_refused_session_is_told_with_the_reason(pipe, engine, topics):
    pipe.writer.answer = lambda chunk: pipe.tail.put(topics.dead_letters, engine.dead_letter("s"))

    done = finished(player(pipe, patience_s=5).play([recording("s")]))

    assert done["s"].failure == "refused by ingest: another producer writes this session (second_producer)"


def test_a_transcript_without_understanding_says_so(pipe, engine, topics):
    def answer(chunk):
        if chunk["end"]:
            pipe.tail.put(topics.transcripts, engine.transcript("FINAL"), engine.transcript("END", segment=1))

    pipe.writer.answer = answer
    done = finished(player(pipe, patience_s=5).play([recording("s")]))

    assert "nlu" in done["s"].failure
    assert len(done["s"].result.finals()) == 1


def test_leaving_early_ends_the_sessions(answering):
    events = player(answering).play([recording("a", speed=1.0), recording("b", speed=1.0)])
    next(event for event in events if isinstance(event, Sent))
    events.close()

    assert [answering.writer.of(name)[-1]["end"] for name in "ab"] == [True, True]
