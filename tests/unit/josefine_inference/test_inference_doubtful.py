"""A doubtful window is decoded by all means: at once where nobody waits for its batch, else in one of its own."""

import pytest
from handler_kit import EACH_QUARTER, UTTERANCE, kinds, run, told

from josefine_inference.messages import Failed
from josefine_inference.scheduler import BatchLimits, BesideLive, Job, Kind, Scheduler
from josefine_wire.records import session_config


@pytest.fixture
def doubtful(kit, device):
    """The device's first answers: doubtful unless it was told to use all means."""

    def answer(work):
        if not work.word_times:
            return kit.says_its_hops(work)
        return kit.hypothesis("good.") if work.fallback else kit.hypothesis("bad.")._replace(doubtful=True)

    device.answer = answer
    return device


def sent(device):
    """Whether finals were asked for by all means, in their order."""
    return [work.fallback for batch in device.submitted for work in batch.work if work.word_times]


def together(handler, device, entries, turns=8):
    """Has all finals of the inputs decoded in one batch; returns progress."""
    device.rooms = 0
    before, _ = run(handler, entries)
    device.rooms = 2
    after, _ = run(handler, [], turns)
    return before + after


def test_live_ones_that_were_decoded_together_are_queued_again(kit, make, doubtful):
    entries = kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER, end=False))
    progress = together(make(), doubtful, entries)
    assert kinds(told(progress)) == [("FINAL", 0), ("FINAL", 1)]
    assert [record["text"] for record in told(progress)] == ["good.", "good."]
    assert sent(doubtful) == [False, False, True, True]
    assert sorted(one.input.offset for one in progress if one.done) == [entry.offset for entry in entries]


def test_a_recorded_one_is_decoded_by_all_means_at_once(kit, make, doubtful):
    progress, _ = run(make(), kit.inputs(kit.frames(UTTERANCE, config=session_config("RECORDED"))))
    assert told(progress)[0]["text"] == "good."
    assert sent(doubtful) == [True]


def test_a_live_one_that_is_decoded_alone_is_decoded_by_all_means_at_once(kit, make, doubtful):
    progress, _ = run(make(), kit.inputs(kit.frames(UTTERANCE, EACH_QUARTER)))
    assert told(progress)[0]["text"] == "good."
    assert sent(doubtful) == [True]


def test_what_stays_doubtful_is_told_all_the_same(kit, make, device):
    device.answer = lambda work: kit.says_its_hops(work)._replace(doubtful=True)
    progress = together(make(), device, kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER, end=False)))
    assert kinds(told(progress)) == [("FINAL", 0), ("FINAL", 1)]
    assert sent(device) == [False, False, True, True]


def test_one_whose_channel_is_forgotten_is_not_decoded_again(kit, make, doubtful):
    handler = make()
    doubtful.held = True
    together(handler, doubtful, kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER, end=False)), turns=1)
    handler.forget({"s/0"})
    doubtful.held = False
    run(handler, [])
    assert not handler.busy()
    assert sent(doubtful) == [False, False]


def test_where_the_second_try_fails_the_first_stands(kit, make, device):
    def answer(work):
        return (
            Failed(work.id, "device_poison", "told to")
            if work.fallback
            else kit.hypothesis("so.")._replace(doubtful=True)
        )

    device.answer = answer
    progress = together(make(), device, kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER, end=False)))
    assert [record["text"] for record in told(progress)] == ["so.", "so."]
    assert not any(one.rejection for one in progress)


@pytest.mark.parametrize("limit_hops", [1_200, 6_000])
def test_it_waits_for_first_tries_and_goes_alone(limit_hops):
    scheduler = Scheduler(BatchLimits(12_000, 64, 0.0, 6_000))
    again, once = (Kind.FINAL_LIVE_AGAIN, 450), (Kind.FINAL_LIVE, 400)
    for number, (kind, hops) in enumerate([again, (Kind.INTERIM, 300), once, again]):
        apart = kind is Kind.FINAL_LIVE_AGAIN
        scheduler.add(Job(number, str(number), kind, "tiny.en", "en", hops, added_s=0.0, apart=apart))
    beside = BesideLive(hops=limit_hops)
    batches = [[job.id for job in scheduler.next_batch(1.0, beside)] for _ in range(4)]
    assert batches == [[2], [0], [3], [1]]


def test_recorded_ones_go_alone_too_while_somebody_speaks(kit, make, doubtful):
    handler = make()
    doubtful.rooms = 0
    run(handler, kit.inputs(kit.frames([0.01] * 60, EACH_QUARTER, end=False)))
    short = kit.frames([0.9] * 20, config=session_config("RECORDED"))
    for session in ("r", "q"):
        handler.restore(f"{session}/0", None)
        run(handler, kit.inputs([record | {"session_id": session} for record in short]))
    doubtful.rooms = 2
    run(handler, [], turns=8)
    assert [[work.fallback for work in batch.work] for batch in doubtful.submitted] == [[False] * 2, [True], [True]]
