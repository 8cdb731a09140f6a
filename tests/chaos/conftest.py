"""The stacks and the table of the chaos tests. Their options are in tests/conftest.py: pytest reads only that early."""

import json
import platform
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import psutil
import pytest
from cut_table import ROWS, Row, cut_table
from rich.console import Console
from rich.table import Table
from scenes import TITLES, Scenes
from trial import Outcome, Run, Texts

OUTCOMES = pytest.StashKey[list[Outcome]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[OUTCOMES] = []
    config.stash[ROWS] = []


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # `make test` has a short form of it, tests/e2e/test_gateway_resume.py.
    is_long = collection_path.name == "test_gateway_cuts.py"
    return True if is_long and not config.getoption("--chaos-repeats") else None


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> list[Outcome]:
    return request.config.stash[OUTCOMES]


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> list[Row]:
    return request.config.stash[ROWS]


@pytest.fixture(scope="session")
def scenes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    # A test run without repeats fills no disk, and needs no right to mount one.
    running = Scenes(tmp_path_factory.mktemp("chaos"), small_disks=request.config.getoption("--chaos-repeats") > 0)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def undisturbed(request: pytest.FixtureRequest, scenes: Scenes) -> dict[str, Texts]:
    """The finals of each clip when nothing happens. Its sessions are decoded in different company and give one text:
    what batches do to a rounding changes no word, so no difference is allowed for.
    """
    scene = scenes(request.config.getoption("--chaos-on").split(",")[0])
    scene.wait_for(scene.ready, "the whole stack")
    run = Run(scene.stack)
    run.play(lambda: None)
    texts: dict[str, Texts] = {}
    for session_id, heard in run.texts().items():
        done = run.finished[session_id]
        assert done.failure is None, done.failure
        assert done.result.error is None
        assert texts.setdefault(run.clip_of[session_id], heard) == heard
    return texts


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    outcomes, rows = config.stash[OUTCOMES], config.stash[ROWS]
    if rows:
        Console(width=170).print(cut_table(rows))
    if not outcomes:
        return
    Console(width=170).print(_table(outcomes))
    if path := config.getoption("--chaos-json"):
        machine = {"processor": platform.processor() or platform.machine(), "cpus": psutil.cpu_count()}
        path.write_text(json.dumps({"machine": machine, "outcomes": [vars(each) for each in outcomes]}, indent=1))


def _table(outcomes: list[Outcome]) -> Table:
    table = Table("fault", title="24 live sessions of real speech in flight")
    for name in (
        "repeats",
        "finals",
        "lost",
        "repeated",
        "changed",
        "detected p50",
        "next result p50",
        "p95",
        "silence",
    ):
        table.add_column(name, justify="right")
    for where in dict.fromkeys(each.where for each in outcomes):
        table.add_section()
        table.add_row(f"[bold]{TITLES[where]}")
        here = [each for each in outcomes if each.where == where]
        for fault in dict.fromkeys(each.fault for each in here):
            table.add_row(fault, *_cells([each for each in here if each.fault == fault]))
    return table


def _cells(rows: list[Outcome]) -> list[str]:
    sums = [str(sum(getattr(row, name) for row in rows)) for name in ("finals", "lost", "repeated", "changed")]
    detected = [row.detect_s for row in rows if row.detect_s is not None]
    following = [row.next_result_s for row in rows if row.next_result_s is not None]
    silences = [row.silence_s for row in rows if row.silence_s is not None]
    latest = [row.latest_final_s for row in rows]
    times = (_quantile(detected, 50), _quantile(following, 50), _quantile(following, 95))
    return [str(len(rows)), *sums, *times, _quantile(silences, 100), _quantile(latest, 100)]


def _quantile(values: list[float], percent: int) -> str:
    if not values:
        return "-"
    if len(values) == 1 or percent == 100:
        return f"{max(values):.1f} s"
    value = quantiles(values, n=100, method="inclusive")[percent - 1]
    return f"{value:.1f} s"
