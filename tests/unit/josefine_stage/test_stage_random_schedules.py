"""Exactly-once holds under random schedules of crash, revocation, abort and store loss."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage_kit import World

EVENTS = st.one_of(
    st.tuples(st.just("publish"), st.integers(0, 3), st.sampled_from([1, 2, 100, 103, 110])),
    st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from([1, 110])),
    st.tuples(st.just("turn"), st.integers(1, 6), st.just(0)),
    st.tuples(st.just("crash"), st.just(0), st.just(0)),
    st.tuples(st.just("revoke"), st.just(0), st.just(0)),
    st.tuples(st.just("lose"), st.just(0), st.just(0)),
    st.tuples(st.just("flush_store"), st.just(0), st.just(0)),
    st.tuples(st.just("abort"), st.just(0), st.just(0)),
    st.tuples(st.just("lose_version"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("store_down"), st.just(0), st.just(0)),
    st.tuples(st.just("store_up"), st.just(0), st.just(0)),
)


def _happen(world: World, name: str, a: int) -> None:
    match name:
        case "turn":
            world.turn(a)
        case "crash":
            world.crash()
        case "revoke" | "lose":
            world.reader.revoke([0], lost=name == "lose")
            world.reader.assign([0])
        case "flush_store":
            world.store.flush_all()
        case "lose_version":
            world.store.lose(f"s{a}")
        case "abort":
            world.unit.abort_next = True
        case "store_down" | "store_up":
            world.store.unreachable = name == "store_down"


def _play(world: World, events: list[tuple[str, int, int]]) -> dict[str, list[int]]:
    sent: dict[str, list[int]] = {}
    for name, a, b in events:
        if name in {"publish", "end"}:
            # What comes behind an end counts as well here, so that a session that is dropped too early loses something.
            session = f"s{a}"
            world.publish(session, len(sent.setdefault(session, [])), bytes([b]), end=name == "end")
            sent[session].append(b)
            world.clock.now_s += 0.01
        else:
            _happen(world, name, a)
    world.store.unreachable = False
    world.turn(80)
    return sent


def _expected(values: list[int]) -> list[tuple[int, int]]:
    total, out = 0, []
    for sequence, value in enumerate(values):
        total += value
        out.append((sequence, total))
    return out


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS, max_size=40))
def test_exactly_once_under_random_crashes_and_losses(events: list[tuple[str, int, int]]) -> None:
    world = World()
    for session, values in _play(world, events).items():
        assert sorted(world.totals(session)) == _expected(values)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS, max_size=40))
def test_at_least_once_on_a_broker_without_metadata_or_transactions(events: list[tuple[str, int, int]]) -> None:
    world = World(keeps_metadata=False, atomic=False)
    for session, values in _play(world, events).items():
        assert sorted(set(world.totals(session))) == _expected(values)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS, max_size=40))
def test_exactly_once_when_a_commit_can_name_few_records(events: list[tuple[str, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("josefine_stage.position.MAX_DONE", 2)
        world = World()
        for session, values in _play(world, events).items():
            assert sorted(world.totals(session)) == _expected(values)
            in_order = [sequence for sequence, _ in world.totals(session)]
            assert set(in_order) == set(range(len(values)))
