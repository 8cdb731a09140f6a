"""Turns of a conversation, /v2/listen, from the real deepgram-sdk to the real gateway."""

import pytest
from deepgram.listen.v2.types import (
    ListenV2ConfigureFailure,
    ListenV2ConfigureSuccess,
    ListenV2Connected,
    ListenV2TurnInfo,
)
from gateway_kit import RATE_HZ, deepgram_at, linear16, pieces, silence


@pytest.fixture(scope="module")
def frames(gateway, speech, short_speech):
    """All that comes of three turns: two that end by themselves, one that the client ends."""
    first = linear16(speech[: int(2.3 * RATE_HZ)]) + silence(1.5)
    second = linear16(short_speech) + silence(1.5)
    with deepgram_at(gateway).listen.v2.connect(
        model="flux-general-en",
        encoding="linear16",
        sample_rate=RATE_HZ,
        eager_eot_threshold=0.5,
        eot_threshold=0.7,
        keyterm="fellow-Americans",
    ) as connection:
        for piece in pieces(first + second):
            connection.send_media(piece)
        connection.send_configure({"type": "Configure", "thresholds": {"eot_timeout_ms": 3_000}, "numerals": True})
        connection.send_configure({"type": "Configure", "thresholds": {"eot_threshold": 7}})
        connection.send_media(linear16(speech[: 2 * RATE_HZ]))
        connection.send_force_end_turn()
        connection.send_close_stream()
        return list(connection)


def turns(frames, event):
    return [frame for frame in frames if isinstance(frame, ListenV2TurnInfo) and frame.event == event]


def test_frames_are_what_the_client_knows_and_numbered(frames):
    for frame in frames:
        type(frame).model_validate(frame.dict())
    assert [frame.sequence_id for frame in frames] == list(range(len(frames)))
    assert isinstance(frames[0], ListenV2Connected)
    assert len({frame.request_id for frame in frames}) == 1


def test_every_turn_starts_and_ends_once(frames):
    starts, ends = turns(frames, "StartOfTurn"), turns(frames, "EndOfTurn")
    assert [frame.turn_index for frame in starts] == [frame.turn_index for frame in ends] == [0, 1, 2]
    assert all(start.sequence_id < end.sequence_id for start, end in zip(starts, ends, strict=True))
    first, second, third = (frame.transcript for frame in ends)
    assert first == "And so my fellow-Americans."
    assert second.startswith("In 1813")
    assert third.startswith("And so my fellow")


def test_an_end_says_who_ended_it(frames):
    assert [frame.trigger for frame in turns(frames, "EndOfTurn")] == ["model", "model", "manual"]
    others = [frame for frame in frames if isinstance(frame, ListenV2TurnInfo) and frame.event != "EndOfTurn"]
    assert {frame.trigger for frame in others} == {None}


def test_a_turn_is_told_with_its_words(frames):
    for frame in turns(frames, "EndOfTurn"):
        assert frame.transcript == " ".join(word.word for word in frame.words)
        assert frame.audio_window_start <= frame.words[0].end
        assert frame.audio_window_end > frame.audio_window_start


def test_thresholds_can_be_changed_to_what_makes_sense(frames):
    [changed] = [frame for frame in frames if isinstance(frame, ListenV2ConfigureSuccess)]
    [refused] = [frame for frame in frames if isinstance(frame, ListenV2ConfigureFailure)]
    assert (changed.thresholds.eot_timeout_ms, changed.numerals) == (3_000, True)
    assert changed.keyterms == ["fellow-Americans"]
    assert "eot_threshold" in refused.description
