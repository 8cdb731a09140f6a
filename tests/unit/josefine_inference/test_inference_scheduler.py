from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_inference.scheduler import NO_JOB, SLACK_S, BatchLimits, BesideLive, Job, Kind, Scheduler

LIMITS = BatchLimits(hops=6000, jobs=8, max_wait_s=0.02, recorded_hops_beside_live=3000)
BESIDE = BesideLive(hops=4000)
BUSY = BesideLive(hops=4000, ahead_hops=3000)

jobs = st.lists(
    st.builds(
        Job,
        id=st.just(0),
        key=st.sampled_from("abcdef"),
        kind=st.sampled_from(Kind),
        model=st.sampled_from(["tiny.en", "base"]),
        language=st.sampled_from(["en", "de"]),
        hops=st.integers(50, 3000),
        added_s=st.floats(0, 100),
    ),
    max_size=40,
)


def job(id_, kind=Kind.FINAL_LIVE, *, key=None, hops=500, added_s=0.0, model="tiny.en"):
    return Job(id_, key or f"k{id_}", kind, model, "en", hops, added_s)


def filled(*queued, limits=LIMITS):
    scheduler = Scheduler(limits)
    for one in queued:
        scheduler.add(one)
    return scheduler


def ids(batch):
    return [one.id for one in batch]


def numbered(drawn):
    return [Job(id_, o.key, o.kind, o.model, o.language, o.hops, o.added_s) for id_, o in enumerate(drawn)]


@given(jobs, st.booleans())
def test_batches_are_in_budget_and_of_one_model(drawn, live):
    scheduler = filled(*numbered(drawn))
    while batch := scheduler.next_batch(1000.0, BESIDE if live else None):
        assert len({(one.model, one.language) for one in batch}) == 1
        assert len(batch) <= LIMITS.jobs
        assert len(batch) == 1 or sum(one.hops for one in batch) <= LIMITS.hops
        recorded = [one for one in batch if one.kind is Kind.FINAL_RECORDED]
        if live and len(batch) > 1:
            assert sum(one.hops for one in recorded) <= LIMITS.recorded_hops_beside_live
    assert scheduler.queued_hops == len(scheduler) == 0


@given(jobs)
def test_each_job_comes_once_or_was_replaced(drawn):
    scheduler, replaced = Scheduler(LIMITS), set()
    for one in numbered(drawn):
        replaced.add(scheduler.add(one))
    out = []
    while batch := scheduler.next_batch(1000.0, BESIDE):
        out += ids(batch)
    assert len(out) == len(set(out))
    assert set(out) | (replaced - {NO_JOB}) == set(range(len(drawn)))


@given(jobs)
def test_the_most_urgent_job_is_always_in_the_next_batch(drawn):
    scheduler = filled(*(one for one in numbered(drawn) if one.kind is not Kind.INTERIM))
    waiting = {one.id: one for one in numbered(drawn) if one.kind is not Kind.INTERIM}
    while batch := scheduler.next_batch(1000.0, BESIDE):
        assert min(waiting.values(), key=lambda one: (one.due_s, one.id)) in batch
        for one in batch:
            del waiting[one.id]


@given(jobs, st.booleans(), st.sets(st.sampled_from("abcdef")).map(frozenset))
def test_what_is_held_back_stays_and_keeps_nobody_else(drawn, live, held_back):
    scheduler, gone = filled(*numbered(drawn)), []
    waiting = sum(one.key in held_back for one in scheduler._jobs.values())
    while batch := scheduler.next_batch(1000.0, BESIDE if live else None, held_back):
        gone += batch
    assert not {one.session for one in gone} & held_back
    assert len(scheduler) == waiting


def test_finals_before_interims_before_recorded():
    limits = BatchLimits(hops=500, jobs=1, max_wait_s=0, recorded_hops_beside_live=500)
    scheduler = filled(job(0, Kind.FINAL_RECORDED), job(1, Kind.INTERIM), job(2), limits=limits)
    assert [ids(scheduler.next_batch(0.0, BESIDE)) for _ in range(3)] == [[2], [1], [0]]


@pytest.mark.parametrize("beside", [BESIDE, BUSY])
def test_nothing_starves(beside):
    """With a live final at every turn a recorded window waits for its slack and no longer."""
    scheduler = Scheduler(BatchLimits(hops=500, jobs=1, max_wait_s=0, recorded_hops_beside_live=500))
    scheduler.add(job(0, Kind.FINAL_RECORDED))
    for second in range(1, 200):
        scheduler.add(job(second, added_s=float(second)))
        scheduler.add(job(1000 + second, added_s=float(second)))
        if 0 in ids(scheduler.next_batch(float(second), beside)):
            break
    else:
        pytest.fail("starved")
    assert second > SLACK_S[Kind.FINAL_RECORDED]


def test_a_small_batch_waits_for_company_and_a_full_one_does_not():
    scheduler = filled(job(0))
    assert not scheduler.next_batch(0.01, BESIDE)
    assert ids(scheduler.next_batch(0.02, BESIDE)) == [0]
    full = filled(*(job(id_, hops=3000) for id_ in range(3)))
    assert ids(full.next_batch(0.0, BESIDE)) == [0, 1]


def test_a_queued_interim_is_replaced_and_keeps_its_place():
    scheduler = filled(job(0, Kind.INTERIM, key="a"), job(1, Kind.INTERIM, key="b", added_s=1.0))
    assert scheduler.add(job(2, Kind.INTERIM, key="a", added_s=2.0)) == 0
    assert ids(scheduler.next_batch(9.0, BESIDE)) == [2, 1]


def test_a_stale_interim_is_dropped():
    scheduler = filled(job(0, Kind.INTERIM, key="a"), job(1, key="a"))
    assert scheduler.drop_interim("a") == 0
    assert scheduler.drop_interim("a") == NO_JOB
    assert ids(scheduler.next_batch(9.0, BESIDE)) == [1]


def test_dropped_jobs_are_gone():
    scheduler = filled(job(0), job(1))
    scheduler.drop([0, 5])
    assert ids(scheduler.next_batch(9.0, BESIDE)) == [1]
    assert scheduler.queued_hops == 0


def test_a_device_that_works_is_handed_finals_alone():
    scheduler = filled(job(0, Kind.INTERIM), job(1, Kind.FINAL_RECORDED), job(2))
    assert ids(scheduler.next_batch(1.0, BUSY)) == [2]
    assert not scheduler.next_batch(1.0, BUSY)
    assert ids(scheduler.next_batch(1.0, BESIDE)) == [0, 1]


def test_a_device_that_is_kept_takes_no_interims_that_are_not_due():
    kept = BesideLive(hops=4000, idle=1, kept=True)
    scheduler = filled(job(0, Kind.INTERIM), job(1, Kind.FINAL_RECORDED), job(2), job(3, Kind.FINAL_LIVE_AGAIN))
    assert ids(scheduler.next_batch(0.1, kept)) == [2]
    assert ids(scheduler.next_batch(0.1, kept)) == [3, 1]
    assert not scheduler.next_batch(SLACK_S[Kind.INTERIM] - 0.1, kept)
    assert ids(scheduler.next_batch(SLACK_S[Kind.INTERIM], kept)) == [0]


def test_what_is_due_is_shared_out_among_idle_devices():
    scheduler = filled(*(job(id_, hops=hops) for id_, hops in enumerate((600, 500, 400, 300))), job(4, Kind.INTERIM))
    assert ids(scheduler.next_batch(1.0, BesideLive(hops=4000, idle=2))) == [0]
    assert ids(scheduler.next_batch(1.0, BesideLive(hops=4000, idle=1))) == [1, 2, 3]
    assert ids(scheduler.next_batch(1.0, BesideLive(hops=4000, idle=2))) == [4]


def test_of_two_models_that_are_due_each_idle_device_gets_one():
    beside = BesideLive(hops=4000, idle=2)
    scheduler = filled(job(0), job(1, model="base"), job(2), job(3, model="base"))
    assert ids(scheduler.next_batch(1.0, beside)) == [0, 2]
    assert ids(scheduler.next_batch(1.0, replace(beside, idle=1))) == [1, 3]


def test_a_device_that_works_is_handed_a_full_batch_that_no_final_would_wait_for_long():
    queued = [job(id_, Kind.INTERIM, key=str(id_)) for id_ in range(9)]
    fast = BesideLive(hops=8000, ahead_hops=3000)
    scheduler = filled(*queued)
    assert not scheduler.next_batch(1.0, BUSY)
    assert ids(scheduler.next_batch(1.0, fast)) == list(range(8))
    assert not scheduler.next_batch(1.0, fast)
    assert ids(scheduler.next_batch(1.0, BesideLive(hops=8000))) == [8]


def test_interims_beside_live_are_bounded_by_what_finals_wait_for_and_recordings_by_their_limit_too():
    limits = BatchLimits(hops=20_000, jobs=64, max_wait_s=0, recorded_hops_beside_live=3000)
    beside = BesideLive(hops=9000)
    interims = filled(*(job(id_, Kind.INTERIM, key=str(id_), hops=1000) for id_ in range(20)), limits=limits)
    assert len(interims.next_batch(1.0, beside)) == 9
    recorded = filled(*(job(id_, Kind.FINAL_RECORDED, hops=1000) for id_ in range(20)), limits=limits)
    assert len(recorded.next_batch(1.0, beside)) == 3


def test_what_a_final_may_wait_for_is_small():
    scheduler = filled(*(job(id_, Kind.INTERIM, key=str(id_), hops=400) for id_ in range(6)))
    assert len(scheduler.next_batch(1.0, BesideLive(hops=1000))) == 2
