"""Sessions that go on: what the log, the token and other handshakes have to say."""

import asyncio
import uuid

import pytest
from log_kit import Log, replicas
from made_speech import SECOND, transcript

from josefine_client.chunks import Session
from josefine_gateway.bus.look_back import LookBack
from josefine_gateway.listen.opening import ContestedError, GoneError, open_session, reopen_session
from josefine_gateway.listen.upload import UploadError
from josefine_wire.ids import flush_id


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def session():
    return Session(uuid.uuid4().hex, encoding="linear16", sample_rate_hz=16_000, channels=1)


def running(log, play, count=1):
    """Plays at replicas that run."""

    async def main():
        with replicas(log, count) as made:
            return await play(*made)

    return asyncio.run(main())


def reopened(replica, session, token, wanted=lambda: True):
    return reopen_session(replica.audio_log, session, token, wanted)


def test_a_session_goes_on_behind_what_is_safe(log, session):
    async def play(replica):
        first = await open_session(replica.writer, replica.limits, session)
        token = first.token("key")
        await first.upload.audio(b"123456")
        await first.upload.flush()
        await first.upload.settled()
        second = await reopened(replica, session, token)
        assert (second.resumed, second.durable_bytes, second.standing.flushes) == (True, 6, 1)
        await second.upload.audio(b"7890")
        await second.upload.end()
        return second

    second = running(log, play)
    audio, state = log.heard(session.session_id)
    assert (audio, state.ended, second.durable_bytes) == (b"1234567890", True, 10)


@pytest.mark.parametrize("old", [True, False])
def test_a_session_whose_end_is_safe_is_not_taken_over(log, session, old):
    async def play(replica):
        first = await open_session(replica.writer, replica.limits, session)
        token = first.token("key")
        await first.upload.audio(b"1234")
        await first.upload.end()
        newest = first.token("key")
        assert newest.ended
        second = await reopened(replica, session, token if old else newest)
        written = len(log.chunks(session.session_id))
        assert second.durable_bytes == 4
        assert second.token("key").ended
        # The client says again what it has no answer to.
        await second.upload.audio(b"56")
        await second.upload.flush()
        await second.upload.alive()
        await second.upload.end()
        assert len(log.chunks(session.session_id)) == written

    running(log, play)
    assert log.heard(session.session_id)[0] == b"1234"


def test_a_session_that_is_not_in_the_log_is_gone(log, session):
    async def play(replica):
        token = (await open_session(replica.writer, replica.limits, session)).token("key")
        replica.look_back = LookBack(Log())  # it has lost even the takeover
        with pytest.raises(GoneError):
            await reopened(replica, session, token)

    running(log, play)


def test_of_two_that_come_with_one_token_the_later_has_it(log, session):
    async def play(one, other):
        token = (await open_session(one.writer, one.limits, session)).token("key")
        first = await reopened(one, session, token)
        await first.upload.audio(b"12")
        await first.upload.settled()
        second = await reopened(other, session, token)
        await first.upload.audio(b"zz")  # it does not know yet
        await first.upload.settled()
        assert second.durable_bytes == 2
        await second.upload.audio(b"34")
        await second.upload.end()

    running(log, play, 2)
    assert log.heard(session.session_id)[0] == b"1234"


def test_a_handshake_that_was_left_takes_nothing_from_the_next_one(log, session):
    async def play(one, other):
        token = (await open_session(one.writer, one.limits, session)).token("key")
        # The client has left `one`, which was stopped, and is at `other`.
        second = await reopened(other, session, token)
        answers = iter([True, False])
        with pytest.raises(ContestedError):
            await reopened(one, session, token, lambda: next(answers))
        await second.upload.audio(b"12")
        await second.upload.end()

    running(log, play, 2)
    audio, state = log.heard(session.session_id)
    assert (audio, state.ended) == (b"12", True)


@pytest.mark.parametrize("fate", ["lost", "late"])
def test_a_takeover_that_failed_is_tried_again(log, session, fate):
    async def play(replica):
        first = await open_session(replica.writer, replica.limits, session)
        replica.fates.append(fate)
        with pytest.raises(UploadError):
            await reopened(replica, session, first.token("key"))
        log.arrive()
        second = await reopened(replica, session, first.token("key"))
        await second.upload.audio(b"12")
        await second.upload.end()

    running(log, play)
    assert log.heard(session.session_id)[0] == b"12"


def test_nothing_follows_a_record_that_may_be_lost(log, session):
    async def play(replica):
        opened = await open_session(replica.writer, replica.limits, session)
        replica.fates.append("half")
        await opened.upload.audio(b"12")
        with pytest.raises(UploadError):
            await opened.upload.settled()
        for more in (opened.upload.flush(), opened.upload.audio(b"34"), opened.upload.end()):
            with pytest.raises(UploadError):
                await more
        assert opened.upload.failed
        return opened.durable_bytes

    assert running(log, play) == 0
    assert log.heard(session.session_id)[0] in {b"", b"12"}


def test_history_has_all_finals_and_only_the_interim_that_is_not_out_of_date(log, session):
    def record(kind, text, segment, **more):
        return transcript(kind, text, segment, segment * SECOND, session_id=session.session_id, **more)

    async def play(replica):
        opened = await open_session(replica.writer, replica.limits, session)
        for each in (
            record("INTERIM", "One", 0),
            record("FINAL", "One.", 0),
            record("FLUSHED", "", 1, id=flush_id(session.session_id, 0, 4)),
            record("INTERIM", "Two", 1, revision=1),
            record("INTERIM", "Two things", 1, revision=2),
        ):
            log.pin(each)
        log.pin(transcript(session_id="other"))
        await opened.with_history(replica.look_back, 0, understanding=True)
        return [(record["kind"], record["text"]) for _, record in opened.history]

    assert running(log, play) == [("FINAL", "One."), ("FLUSHED", ""), ("INTERIM", "Two things")]


def test_an_older_token_is_as_good(log, session):
    async def play(replica):
        opened = await open_session(replica.writer, replica.limits, session)
        tokens = [opened.token("key")]
        for piece in (b"12", b"34", b"56"):
            await opened.upload.audio(piece)
            await opened.upload.settled()
            tokens.append(opened.token("key"))
        for token in (tokens[0], tokens[2], tokens[1], tokens[3]):
            opened = await reopened(replica, session, token)
            assert opened.durable_bytes == 6
        await opened.upload.end()

    running(log, play)
    assert log.heard(session.session_id)[0] == b"123456"
