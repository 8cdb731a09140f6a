"""Crashes at any place: what is written, with what was written before, is what an undisturbed stage writes."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

KEYS = ("a", "b", "c")


def partition(make_log, speech, plan):
    """A partition of three channels' frames: ordinary, empty, wrong, missing, far away, ended, late, twice."""
    log, frames, at = make_log(), [], dict.fromkeys(KEYS, 0)
    for key, size, event in plan:
        audio = speech[at[key] : at[key] + size]
        at[key] += size
        if event == "missing":
            log.frame(audio, key)
        elif event.startswith("wrong"):
            marks = {"flush": event == "wrong flush", "end": event == "wrong end"}
            frames.append(log.frame(audio.tobytes() + b"x", key, **marks))
        else:
            jump = {"far": 31 * 16_000 + 7}.get(event, 0)
            position = log._next.get(key, (0, 0))[1] + jump
            frames.append(log.frame(audio, key, start_sample=position, end=event == "end", flush=event == "flush"))
            if event == "twice":
                frames.append(log.frame(audio, key, sequence=frames[-1].record["sequence"], start_sample=position))
    for offset, entry in enumerate(frames):
        object.__setattr__(entry, "offset", offset)
    return frames


def written(progress):
    """Returns what each offset wrote: outputs and dead letter."""
    return {p.input.offset: ([o.record for o in p.outputs], p.rejection) for p in progress}


EVENTS = ["", "", "", "", "flush", "twice", "missing", "wrong", "wrong flush", "wrong end", "far", "end"]
PLANS = st.lists(
    st.tuples(
        st.sampled_from(KEYS), st.sampled_from([0, 1, 160, 201, 512, 1_600, 1_777, 3_200]), st.sampled_from(EVENTS)
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(PLANS, st.integers(0, 2**32), st.sampled_from([1, 1_600, 4_000, 480_000]))
def test_replay_gives_the_same_bytes(make_stage, make_log, extractor, speech, plan, seed, slice_samples):
    dice = random.Random(seed)
    frames = partition(make_log, speech, plan)
    undisturbed = make_stage(extractor)
    undisturbed.give(frames)
    want = written(undisturbed.finish())
    assert sorted(want) == [entry.offset for entry in frames]
    got, stored = {}, {}
    while len(got) < len(frames):
        life(make_stage(extractor, slice_samples=slice_samples), frames, got, stored, dice)
    assert got == want


def life(stage, frames, got, stored, dice):
    """One process from its restart to its crash: outputs of `got` are durable, `stored` are snapshots."""
    commit = next((offset for offset in range(len(frames)) if offset not in got), len(frames))
    usable = {key: [s for s in kept if s.version <= commit] for key, kept in stored.items()}
    begin = {key: max(kept, key=lambda s: s.version) for key, kept in usable.items() if kept}
    keys = {entry.key for entry in frames}
    replay_from = min((begin[key].version if key in begin else 0 for key in keys), default=0)
    todo = [again(e, committed=e.offset in got) for e in frames[replay_from:]]
    todo = [e for e in todo if e.key not in begin or e.offset >= begin[e.key].version]
    while todo and dice.random() > 0.1:
        count = dice.randint(1, 6)
        batch, todo = todo[:count], todo[count:]
        stage.give(batch, begin)
        for offset, what in written(stage.turn() if dice.random() < 0.7 else stage.finish()).items():
            if offset in got:
                assert what[0] == []
            else:
                got[offset] = what
        if dice.random() < 0.5:
            for key in stage.opened:
                snapshot = stage.handler.snapshot(key)
                if snapshot is not None:
                    stored.setdefault(key, []).append(snapshot)


def again(entry, *, committed):
    """A record as it is read a second time."""
    return type(entry)(entry.source, entry.offset, entry.key, entry.timestamp_ms, dict(entry.record), committed)
