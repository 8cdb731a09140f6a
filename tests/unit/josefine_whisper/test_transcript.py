from dataclasses import replace

import pytest

from josefine_whisper.checks import Quality
from josefine_whisper.transcript import Transcript

GOOD = Transcript([1], [-0.5], None, "so", Quality(-0.5, 0.0, 1.0, runaway=False), refused=False)


def like(quality=None, **changes):
    return replace(GOOD, quality=replace(GOOD.quality, **(quality or {})), **changes)


def test_of_two_good_ones_the_more_probable_is_preferred():
    better = like({"average_logprob": -0.4})
    assert better.beats(GOOD)
    assert not GOOD.beats(better)


@pytest.mark.parametrize(
    "doubtful",
    [like({"average_logprob": -0.1, "runaway": True}), like({"average_logprob": -0.1, "compression_ratio": 9})],
)
def test_a_good_one_is_preferred_to_a_doubtful_one_however_probable(doubtful):
    assert not doubtful.beats(GOOD)
    assert GOOD.beats(doubtful)


def test_whatever_was_said_is_preferred_to_a_refusal_to_go_on():
    assert like({"average_logprob": -3.0}).beats(like(refused=True))
