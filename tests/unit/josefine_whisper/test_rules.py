import pytest
import torch

from josefine_whisper.rules import (
    Stop,
    StopAtBudget,
    StopAtEnd,
    StopAtLoop,
    SuppressAlways,
    SuppressFirst,
    token_budget,
)

END = 256


def logits(dimensions, rows=2):
    return torch.zeros(rows, dimensions.vocabulary)


def test_never_a_suppressed_or_control_token_but_the_end(checkpoint, dimensions):
    scores = logits(dimensions)
    SuppressAlways(checkpoint, END).apply(scores, torch.tensor([False, False]))
    assert scores[0, [0, 1]].eq(-torch.inf).all()
    assert scores[0, END + 1 :].eq(-torch.inf).all()
    assert scores[0, 2 : END + 1].eq(0).all()


def test_neither_space_nor_end_as_the_first_token_of_a_text(checkpoint, dimensions):
    scores = logits(dimensions)
    SuppressFirst(checkpoint).apply(scores, torch.tensor([True, False]))
    assert scores[0, [2, END]].eq(-torch.inf).all()
    assert scores[1].eq(0).all()


def test_stops():
    assert StopAtEnd(END).check([1, 2, END]) is Stop.END_OF_TEXT
    assert StopAtEnd(END).check([1, 2]) is None
    assert StopAtBudget(3).check([1, 2, 3]) is Stop.BUDGET
    assert StopAtBudget(3).check([1, 2]) is None
    assert StopAtLoop().check([1, 2, 3] * 4) is Stop.LOOP
    assert StopAtLoop().check(list(range(12))) is None


def test_budget_grows_with_the_audio_up_to_whispers_limit():
    assert token_budget(0.1, "en") < token_budget(5.0, "en") < token_budget(20.0, "en")
    assert token_budget(30.0, "en") == 224
    # Digits read as fast as anybody can: 7 tokens a second.
    assert token_budget(5.0, "en") >= 5 * 7


@pytest.mark.parametrize("language", ["ka", "ml", "th", "de"])
def test_scripts_of_many_tokens_have_room_for_them(language):
    # 36 a second were seen in Georgian.
    assert token_budget(5.0, language) >= 5 * 36
    assert token_budget(30.0, language) == 224
