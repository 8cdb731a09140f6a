"""The pure parts of device supervision: deadlines, suspicion, messages, slots. The child itself: integration."""

from itertools import pairwise

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
from josefine_inference.suspects import DEATHS_ALONE, Tried, WaitingBatches, after_death


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
    assert deaths <= 1 + DEATHS_ALONE


def test_a_window_that_hung_a_child_stays_one_that_may_hang():
    for count in (1, 2):
        hung, _ = after_death(Tried(batch_of(count)), "hung", hung=True)
        assert all(tried.hung for tried in hung)
    (killed,), _ = after_death(Tried(batch_of(1), 1, hung=True), "killed")
    assert killed.hung


@given(st.integers(2, 10), st.lists(st.booleans(), max_size=8))
def test_children_that_die_of_something_else_condemn_nobody_in_company(count, others):
    """Two in a row that are killed from outside over different windows are nobody's fault."""
    waiting = WaitingBatches()
    waiting.add([Tried(batch_of(count))])
    again, given_up = after_death(waiting.take(may_kill=True, by_turns=True), "killed")
    waiting.add(again)
    again, given_up = after_death(waiting.take(may_kill=True, by_turns=True), "killed")
    waiting.add(again)
    assert not given_up
    assert sorted(work.id for tried in waiting.all() for work in tried.batch.work) == list(range(count))


@given(st.lists(st.sampled_from(["trusted", "suspect"]), max_size=30))
def test_who_is_trusted_waits_for_one_suspect_at_the_most(arrivals):
    waiting, taken = WaitingBatches(), []
    for kind in arrivals:
        waiting.add([Tried(batch_of(1), deaths=int(kind == "suspect"))])
    while waiting:
        trusted = waiting.trusted
        tried = waiting.take(may_kill=True, by_turns=True)
        taken.append((tried.suspect, trusted))
    for (first, _), (second, waits) in pairwise(taken):
        assert not (first and second and waits), "two suspects in a row before somebody else"
    assert len(taken) == len(arrivals)


@given(st.lists(st.integers(0, 2), max_size=30), st.booleans())
def test_without_turns_suspects_come_last_and_those_that_killed_alone_after_all(deaths, by_turns):
    waiting, taken = WaitingBatches(), []
    for alone in deaths:
        waiting.add([Tried(batch_of(1), deaths=alone, alone=max(0, alone - 1))])
    while tried := waiting.take(may_kill=True, by_turns=by_turns):
        taken.append(tried)
    suspects = [tried.alone for tried in taken if tried.suspect]
    assert suspects == sorted(suspects)
    assert by_turns or [tried.suspect for tried in taken] == sorted(tried.suspect for tried in taken)
    assert len(taken) == len(deaths)


def test_a_suspect_waits_until_it_may_kill_and_keeps_its_turn():
    waiting = WaitingBatches()
    waiting.add([Tried(batch_of(1)), Tried(batch_of(1)), Tried(batch_of(1), deaths=1)])
    assert not waiting.take(may_kill=False, by_turns=True).suspect
    assert waiting.take(may_kill=False, by_turns=True) is None
    assert waiting.take(may_kill=True, by_turns=True).suspect
    assert not waiting.take(may_kill=False, by_turns=True).suspect
    assert waiting.take(may_kill=True, by_turns=True) is None


def test_a_deadline_follows_what_was_measured():
    deadline = BatchDeadline(DeadlineLimits(batch_s=2.0))
    assert deadline.seconds("tiny.en", [1000]) == pytest.approx(12.0)  # nothing measured: as slow as speech is allowed
    for _ in range(ENOUGH):
        deadline.measured("tiny.en", [6000], 1.0)
    assert deadline.seconds("tiny.en", [6000]) == pytest.approx(10.0)
    assert deadline.seconds("tiny.en", [12_000]) == pytest.approx(20.0)
    assert deadline.seconds("tiny.en", [10]) == pytest.approx(5.0)  # it may have to be decoded seven times


def test_short_windows_that_take_long_do_not_move_the_deadline_of_long_batches():
    deadline = BatchDeadline(DeadlineLimits(batch_s=2.0))
    for _ in range(ENOUGH):
        deadline.measured("tiny.en", [100], 0.5)
    assert deadline.seconds("tiny.en", [6000]) == pytest.approx(10.0)


def test_windows_that_are_encoded_whole_count_as_such():
    deadline = BatchDeadline(DeadlineLimits(batch_s=10.0))
    deadline.whole_windows.add("small")
    for _ in range(ENOUGH):
        deadline.measured("small", [150], 2.0)
    assert deadline.seconds("small", [150] * 12) == pytest.approx(240.0)
    assert deadline.seconds("small", [3000] * 4) == pytest.approx(80.0)
    assert deadline.seconds("tiny.en", [150] * 12) == pytest.approx(20.0)


def test_before_anything_is_measured_a_batch_of_whole_windows_has_the_time_of_its_speech():
    deadline = BatchDeadline(DeadlineLimits(batch_s=10.0))
    deadline.whole_windows.add("small")
    assert deadline.seconds("small", [150] * 64) == pytest.approx(106.0)


def test_no_deadline_is_shorter_than_the_least():
    deadline = BatchDeadline(DeadlineLimits(batch_s=2.0))
    for _ in range(ENOUGH):
        deadline.measured("tiny.en", [6000], 0.01)
    assert deadline.seconds("tiny.en", [6000]) == 2.0


def test_one_slow_batch_in_a_hundred_does_not_move_the_deadline():
    deadline = BatchDeadline(DeadlineLimits(batch_s=0.1))
    for number in range(200):
        deadline.measured("tiny.en", [6000], 1.0 if number else 500.0)
    assert deadline.seconds("tiny.en", [6000]) == pytest.approx(10.0)


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
