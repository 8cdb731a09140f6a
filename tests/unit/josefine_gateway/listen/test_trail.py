"""Where the audio is, and where it was some time ago."""

from josefine_gateway.listen.trail import Clocked, Trail


def test_the_position_comes_late_however_fast_the_audio():
    trail = Trail(1.5)
    assert [trail.at(now_s, position_s) for now_s, position_s in [(0, 30), (1, 60), (1.5, 60)]] == [0, 0, 30]
    assert trail.at(2, 60) == 30
    assert trail.at(2.5, 60) == 60


def test_audio_that_stands_still_is_caught_up_with():
    trail = Trail(1.5)
    assert [trail.at(now_s, 8) for now_s in (0, 5, 10)] == [0, 8, 8]


def test_audio_that_does_not_tell_passes_by_the_clock_but_for_pauses_of_its_sender():
    clocked = Clocked()
    for now_s in (10.0, 10.5, 11.0, 71.0, 71.5):
        clocked.came(now_s)
    assert clocked.position_s == 0.5 + 0.5 + 0.5


def test_a_result_says_better_than_the_clock_how_far_audio_is():
    clocked = Clocked()
    clocked.came(10.0)
    clocked.heard(30.0)
    clocked.came(11.0)
    clocked.heard(29.0)
    assert clocked.position_s == 31.0
