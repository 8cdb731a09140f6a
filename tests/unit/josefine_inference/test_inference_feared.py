"""A window whose interim the device could not survive is decoded apart: nobody else waits for its second death."""

import pytest
from handler_kit import EACH_QUARTER, UTTERANCE, run, told

from josefine_inference.messages import Failed


def companies(device):
    """How many windows each batch had in which a final was."""
    return [len(batch.work) for batch in device.submitted if any(work.word_times for work in batch.work)]


@pytest.fixture
def deadly(kit, device):
    """Has the device fail at the session of large numbers."""

    def answer(work):
        first, _ = kit.first_and_last_hop(work.log_mel)
        return Failed(work.id, "device_poison", "killed 3") if first < 100 else kit.says_its_hops(work)

    device.answer = answer
    return device


@pytest.mark.parametrize("answered_late", [False, True])
def test_its_final_shares_no_batch(kit, make, deadly, answered_late):
    handler = make()
    handler.restore("t/0", None)
    poison = kit.inputs(kit.frames(UTTERANCE, EACH_QUARTER, end=False))
    spoken = kit.frames([0.01] * 60 + UTTERANCE, EACH_QUARTER, end=False)
    good = kit.inputs([record | {"session_id": "t"} for record in spoken], first_offset=100)
    deadly.held = answered_late
    run(handler, poison[:9], turns=1)
    assert [work.word_times for batch in deadly.submitted for work in batch.work] == [False]
    # Two finals are due together: of this session and of another one.
    deadly.rooms = len(deadly.batches)
    before, _ = run(handler, [*poison[9:], *good], turns=0)
    deadly.held, deadly.rooms = False, 1
    after, _ = run(handler, [], turns=8)
    assert companies(deadly) == [1, 1]
    assert [one.rejection.code for one in [*before, *after] if one.rejection] == ["device_poison"]
    assert [record["kind"] for record in told([*before, *after])] == ["FINAL"]
