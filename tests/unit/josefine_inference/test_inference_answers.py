"""What a child says is checked before it is believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_inference.answers import ANSWERS, Answer, read_answer
from josefine_inference.hypothesis import Hypothesis, WordHypothesis
from josefine_inference.messages import Batch, ProtocolError, Work, pack, pack_hypotheses, unpack
from josefine_inference.suspects import Tried, halves

HEARD = Hypothesis("So it is.", (WordHypothesis("So", 0.0, 0.5, 0.25),), -0.5, 0.125, 1.5, 4)
NONSENSE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def decoded(hypotheses):
    return {"type": "decoded", "seconds": 0.5, "hypotheses": hypotheses}


def test_hypotheses_come_through():
    message = decoded(pack_hypotheses([HEARD, HEARD]))
    assert read_answer("batch", 2, message) == Answer("decoded", 0.5, (HEARD, HEARD))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_or_too_many_hypotheses_are_no_answer(count):
    with pytest.raises(ProtocolError, match=f"{count} hypotheses for 2 windows"):
        read_answer("batch", 2, decoded(pack_hypotheses([HEARD] * count)))


@pytest.mark.parametrize(
    "changes",
    [
        {"text": None},
        {"average_logprob": float("nan")},
        {"decode_steps": 1.5},
        {"words": (WordHypothesis("So", 0.0, float("inf"), 0.5),)},
        {"words": (WordHypothesis(7, 0.0, 1.0, 0.5),)},
    ],
)
def test_values_that_are_none_are_no_answer(changes):
    packed = [list(value) for value in pack_hypotheses([HEARD])]
    places = {"text": 0, "words": 1, "average_logprob": 2, "decode_steps": 5}
    for name, value in changes.items():
        packed[0][places[name]] = [list(word) for word in value] if name == "words" else value
    with pytest.raises(ProtocolError, match="whose values are none"):
        read_answer("batch", 1, decoded(packed))


@pytest.mark.parametrize(("command", "kind"), [("load", "decoded"), ("batch", "loaded"), ("probe", "refused")])
def test_an_answer_to_another_command_is_none(command, kind):
    with pytest.raises(ProtocolError, match=kind):
        read_answer(command, 1, {"type": kind, "seconds": 0.0})


@pytest.mark.parametrize("kind", [None, 7, [1], {"loaded": 1}])
def test_an_answer_whose_type_is_no_text_is_none(kind):
    with pytest.raises(ProtocolError, match="to load"):
        read_answer("load", 0, {"type": kind, "seconds": 0.0})


@given(st.sampled_from(sorted(ANSWERS)), st.integers(0, 3), st.dictionaries(st.text(max_size=5), NONSENSE), NONSENSE)
def test_nonsense_raises_nothing_but_a_protocol_error(command, windows, fields, hypotheses):
    for kind in [*ANSWERS[command], "nothing"]:
        for message in (fields, fields | {"seconds": 0.1, "hypotheses": hypotheses}):
            try:
                answer = read_answer(command, windows, unpack(pack(message | {"type": kind})[4:]))
            except ProtocolError:
                continue
            assert kind != "decoded" or len(answer.hypotheses) == windows


@given(st.integers(2, 20), st.integers(0, 3))
def test_halves_keep_every_window_and_the_count_of_deaths(count, deaths):
    batch = Batch("tiny.en", "en", tuple(Work(id_, np.zeros((1, 2), np.float16)) for id_ in range(count)))
    first, second = halves(Tried(batch, deaths))
    assert first.batch.work + second.batch.work == batch.work
    assert abs(len(first.batch.work) - len(second.batch.work)) <= 1
    assert {first.deaths, second.deaths} == {deaths}
