"""The stack and the table of the chaos tests. Their options are in tests/conftest.py: pytest reads only that early."""

import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import quantiles

import psutil
import pytest
import shifted_clock
from faults import BATCH_DEADLINE_S
from rich.console import Console
from rich.table import Table
from scene import Outcome, Run, Scene, Texts

from josefine_local.options import Service, StackOptions, standard_services
from josefine_local.stack import LocalStack

OUTCOMES = pytest.StashKey[list[Outcome]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[OUTCOMES] = []


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> list[Outcome]:
    return request.config.stash[OUTCOMES]


@pytest.fixture(scope="session")
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("chaos")
    options = StackOptions(
        run_dir=folder,
        services=services(folder / "clock"),
        broker=request.config.getoption("--chaos-broker"),
    )
    with LocalStack(options) as stack:
        yield Scene(stack)


def services(clock: Path) -> tuple[Service, ...]:
    """Returns the stages with a wall clock that can be stepped."""
    script = str(Path(shifted_clock.__file__))
    environment = {shifted_clock.FILE: str(clock), "JOSEFINE_BATCH_DEADLINE_S": str(BATCH_DEADLINE_S)}
    return tuple(
        replace(each, argv=(sys.executable, script, each.role), environment={**each.environment, **environment})
        for each in standard_services()
    )


@pytest.fixture(scope="session")
def undisturbed(scene: Scene) -> dict[str, set[Texts]]:
    """The finals of each clip when nothing happens: more than one text where a batch's company changes a rounding."""
    scene.wait_for(scene.ready, "the whole stack")
    run = Run(scene.stack)
    run.play(lambda: None)
    texts: dict[str, set[Texts]] = {}
    for session_id, heard in run.texts().items():
        done = run.finished[session_id]
        assert done.failure is None, done.failure
        assert done.result.error is None
        texts.setdefault(run.clip_of[session_id], set()).add(heard)
    return texts


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    outcomes = config.stash[OUTCOMES]
    if not outcomes:
        return
    Console(width=170).print(_table(outcomes))
    if path := config.getoption("--chaos-json"):
        machine = {"processor": platform.processor() or platform.machine(), "cpus": psutil.cpu_count()}
        path.write_text(json.dumps({"machine": machine, "outcomes": [vars(each) for each in outcomes]}, indent=1))


def _table(outcomes: list[Outcome]) -> Table:
    table = Table("fault", title="24 live sessions of real speech in flight")
    for name in ("repeats", "finals", "lost", "repeated", "changed", "detected p50", "next result p50", "p95"):
        table.add_column(name, justify="right")
    for fault in dict.fromkeys(each.fault for each in outcomes):
        rows = [each for each in outcomes if each.fault == fault]
        sums = [str(sum(getattr(row, name) for row in rows)) for name in ("finals", "lost", "repeated", "changed")]
        detected = [row.detect_s for row in rows if row.detect_s is not None]
        following = [row.next_result_s for row in rows if row.next_result_s is not None]
        times = (_quantile(detected, 50), _quantile(following, 50), _quantile(following, 95))
        table.add_row(fault, str(len(rows)), *sums, *times)
    return table


def _quantile(values: list[float], percent: int) -> str:
    if not values:
        return "-"
    value = values[0] if len(values) == 1 else quantiles(values, n=100, method="inclusive")[percent - 1]
    return f"{value:.1f} s"
