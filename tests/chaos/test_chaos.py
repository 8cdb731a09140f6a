"""Whatever happens to a process, a broker or the store: no final is lost, repeated or changed."""

import pytest
from faults import FAULTS, QUICK
from scenes import Scenes
from trial import Fault, Outcome, Texts, strike_in_the_middle


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    repeats, kinds = metafunc.config.getoption("--chaos-repeats"), metafunc.config.getoption("--chaos-on").split(",")
    if repeats:
        cases = [(kind, fault, number) for kind in kinds for fault in FAULTS[kind] for number in range(repeats)]
    else:
        cases = [("kafka", fault, 0) for fault in FAULTS["kafka"] if fault.name in QUICK]
    ids = [f"{kind}-{fault.name}-{number}" for kind, fault, number in cases]
    metafunc.parametrize(("kind", "fault", "number"), cases, ids=ids)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_final_is_lost_or_repeated(
    kind: str,
    fault: Fault,
    number: int,
    scenes: Scenes,
    undisturbed: dict[str, Texts],
    outcomes: list[Outcome],
    pytestconfig: pytest.Config,
) -> None:
    scene = scenes(kind)
    outcome = strike_in_the_middle(fault, scene, kind, undisturbed)
    outcomes.append(outcome)
    assert outcome.problems == []
    assert outcome.lost == 0
    if scene.stack.delivery == "exactly_once":
        assert outcome.repeated == 0, "at least once, readers drop the ids that they have seen"
    assert outcome.changed == 0
    assert outcome.next_result_s is not None
    assert not outcome.rebalanced
    if pytestconfig.getoption("--chaos-repeats"):
        judge_times(fault, outcome)


def judge_times(fault: Fault, outcome: Outcome) -> None:
    """Holds the times against their limits; a suite that shares its machine proves no speed, so `make chaos` alone."""
    if fault.detect_within_s:
        assert outcome.detect_s is not None
        assert outcome.detect_s <= fault.detect_within_s
    if fault.recover_within_s:
        assert outcome.next_result_s - (outcome.detect_s or 0.0) <= fault.recover_within_s
    if fault.finals_within_s:
        assert outcome.latest_final_s <= fault.finals_within_s
