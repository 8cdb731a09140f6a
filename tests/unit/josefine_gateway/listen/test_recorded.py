"""How long the answer to a recording is waited for, with a board that a test pins."""

import asyncio
import time

import pytest
from made_speech import end, transcript

from josefine_client.chunks import Session
from josefine_gateway.listen import recorded
from josefine_gateway.listen.recorded import CallerGoneError, NoResultError, Pipeline, Recording
from josefine_wire.topics import TRANSCRIPTS

LOOKS = 5
DEADLINE_S = 30.0


class Board:
    """Hears of other sessions all the time, or nothing at all."""

    def __init__(self, *, busy):
        self.busy = busy
        self.listener = None

    def follow(self, session_id, listener):
        self.listener = listener

    def unfollow(self, session_id, listener):
        self.listener = None

    def transcribed_s(self):
        return time.monotonic() if self.busy else 0.0


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr(recorded, "LOOK_S", 0.001)


def heard(board, at_look, patience_s=0.0):
    """Returns what a recording hears; `at_look` gets the number of each look, and says whether the caller has left."""

    async def main():
        looks = 0

        async def gone():
            nonlocal looks
            looks += 1
            return at_look(looks)

        session = Session("s", encoding="linear16", sample_rate_hz=16_000, channels=1)
        with Recording(Pipeline(None, None, board, patience_s), session, understanding=False) as recording:
            return await asyncio.wait_for(recording.heard(gone), DEADLINE_S)

    return asyncio.run(main())


def stays(_):
    return False


def test_a_recording_waits_behind_others_as_long_as_anything_is_heard_of_them():
    board = Board(busy=True)

    def its_turn_comes(look):
        if look == LOOKS:
            board.listener(TRANSCRIPTS, transcript())
            board.listener(TRANSCRIPTS, end())

    found = heard(board, its_turn_comes)
    assert found.result.complete
    assert board.listener is None


def test_others_that_fall_silent_are_waited_for_no_longer():
    board = Board(busy=True)

    def they_stop(look):
        board.busy = look < LOOKS

    with pytest.raises(NoResultError, match="nothing was heard of any session"):
        heard(board, they_stop)
    assert not board.busy


def test_a_silent_pipeline_is_waited_for_no_longer_than_its_patience():
    began_s = time.monotonic()
    with pytest.raises(NoResultError, match="nothing was heard of any session"):
        heard(Board(busy=False), stays, patience_s=0.02)
    assert time.monotonic() - began_s >= 0.02


def test_others_do_not_take_their_turn_for_ever(monkeypatch):
    monkeypatch.setattr(recorded, "LONGEST_TURN_S", 0.0)
    with pytest.raises(NoResultError, match="others took their turn"):
        heard(Board(busy=True), stays, patience_s=60.0)


def test_nobody_waits_for_a_caller_who_has_left():
    with pytest.raises(CallerGoneError):
        heard(Board(busy=True), lambda look: look == LOOKS)
