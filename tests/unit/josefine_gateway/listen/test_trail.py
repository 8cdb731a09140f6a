"""Where the audio was some time ago."""

from josefine_gateway.listen.trail import Trail


def test_the_position_comes_late_however_fast_the_audio():
    trail = Trail(1.5)
    assert [trail.at(now_s, position_s) for now_s, position_s in [(0, 30), (1, 60), (1.5, 60)]] == [0, 0, 30]
    assert trail.at(2, 60) == 30
    assert trail.at(2.5, 60) == 60


def test_audio_that_stands_still_is_caught_up_with():
    trail = Trail(1.5)
    assert [trail.at(now_s, 8) for now_s in (0, 5, 10)] == [0, 8, 8]
