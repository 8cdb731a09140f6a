"""The pure parts of device supervision: deadlines, suspicion, messages, slots. The child itself: integration."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_inference.deadlines import ENOUGH, BatchDeadline, DeadlineLimits
from josefine_inference.hypothesis import Hypothesis, WordHypothesis
from josefine_inference.messages import (
    LENGTH,
    Batch,
    ProtocolError,
    Work,
    pack,
    pack_hypotheses,
    unpack,
    unpack_hypotheses,
)
from josefine_inference.slots import Slots
from josefine_inference.suspects import DEATHS_ALLOWED, Tried, after_death


def batch_of(count):
    return Batch("tiny.en", "en", tuple(Work(id_, np.zeros((1, 2), np.float16)) for id_ in range(count)))


@given(st.integers(1, 40), st.data())
def test_the_culprit_is_found_and_only_it_is_given_up(count, data):
    culprit = data.draw(st.integers(0, count - 1))
    waiting, deaths, decoded, failed = [Tried(batch_of(count))], 0, set(), []
    while waiting:
        tried = waiting.pop(0)
        ids = {work.id for work in tried.batch.work}
        if culprit not in ids:
            decoded |= ids
            continue
        deaths += 1
        again, given_up = after_death(tried, "died")
        waiting, failed = again + waiting, failed + given_up
    assert [one.id for one in failed] == [culprit]
    assert decoded == set(range(count)) - {culprit}
    assert deaths <= DEATHS_ALLOWED + math.ceil(math.log2(count))


def test_a_batch_gets_a_second_chance_whole():
    tried = Tried(batch_of(4))
    (again,), failed = after_death(tried, "died")
    assert again.batch is tried.batch
    assert not failed


def test_a_deadline_follows_what_was_measured():
    deadline = BatchDeadline(DeadlineLimits(batch_s=2.0))
    assert deadline.seconds(1000) == pytest.approx(12.0)  # nothing measured: as slow as speech is allowed
    for _ in range(ENOUGH):
        deadline.measured(1000, 1.0)
    assert deadline.seconds(1000) == pytest.approx(10.0)
    assert deadline.seconds(3000) == pytest.approx(30.0)
    assert deadline.seconds(10) == 2.0


def test_one_slow_batch_in_a_hundred_does_not_move_the_deadline():
    deadline = BatchDeadline(DeadlineLimits(batch_s=0.1))
    for number in range(200):
        deadline.measured(1000, 1.0 if number else 500.0)
    assert deadline.seconds(1000) == pytest.approx(10.0)


def test_hypotheses_survive_the_pipe():
    heard = Hypothesis("So it is.", (WordHypothesis("So", 0.0, 0.5, 0.25),), -0.5, 0.125, 1.5, 4)
    body = pack({"type": "decoded", "hypotheses": pack_hypotheses([heard])})
    assert LENGTH.unpack(body[:4]) == (len(body) - 4,)
    assert unpack_hypotheses(unpack(body[4:])["hypotheses"]) == [heard]


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x01", b"\x80"])
def test_nonsense_is_no_message(body):
    with pytest.raises(ProtocolError):
        unpack(body)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 1))
def test_what_is_written_to_a_slot_is_read(lengths, slot):
    slots = Slots.create(4096, 2)
    arrays = [np.full((hops, 4), hops, np.float16) for hops in lengths]
    offsets = slots.write(slot, arrays)
    slots.write(1 - slot, [np.zeros((10, 4), np.float16)])
    for offset, array in zip(offsets, arrays, strict=True):
        assert (slots.read(slot, offset, array.shape) == array).all()
    slots.close()


def test_a_batch_larger_than_a_slot_is_a_bug():
    slots = Slots.create(4096, 1)
    with pytest.raises(ValueError, match="4096"):
        slots.write(0, [np.zeros((2049, 1), np.float16)])
    slots.close()
