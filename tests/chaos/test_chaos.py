"""Whatever happens to a process, a broker or the store: no final is lost, repeated or changed."""

import pytest
from faults import FAULTS, QUICK
from scene import Fault, Outcome, Scene, Texts, strike_in_the_middle


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault" not in metafunc.fixturenames:
        return
    repeats = metafunc.config.getoption("--chaos-repeats")
    chosen = FAULTS if repeats else [fault for fault in FAULTS if fault.name in QUICK]
    if metafunc.config.getoption("--chaos-broker") == "tansu":
        chosen = [fault for fault in chosen if not fault.needs_kafka]
    cases = [(fault, number) for fault in chosen for number in range(max(repeats, 1))]
    metafunc.parametrize(("fault", "number"), cases, ids=[f"{fault.name}-{number}" for fault, number in cases])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_final_is_lost_or_repeated(
    fault: Fault, number: int, scene: Scene, undisturbed: dict[str, set[Texts]], outcomes: list[Outcome]
) -> None:
    outcome = strike_in_the_middle(fault, scene, undisturbed)
    outcomes.append(outcome)
    assert outcome.problems == []
    assert outcome.lost == 0
    if scene.stack.delivery == "exactly_once":
        assert outcome.repeated == 0, "at least once, readers drop the ids that they have seen"
    assert outcome.changed == 0
    assert outcome.next_result_s is not None
    if fault.detect_within_s:
        assert outcome.detect_s is not None
        assert outcome.detect_s <= fault.detect_within_s
