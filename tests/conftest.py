"""Running stacks, each started once a test run and only if a test asks for it.

JOSEFINE_TEST_BROKERS names the brokers that may be started, kafka and tansu unless it is set; tests of the others
are skipped and say so.
"""

import os
import signal
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from gateways import Gateway, gateway_beside

from josefine_local import ports
from josefine_local.errors import FetchError, MissingError
from josefine_local.options import Service, StackOptions, standard_services
from josefine_local.process import log_tail
from josefine_local.stack import LocalStack

# A shell that runs the tests in the background has them ignore Ctrl-C, and every process that they start and
# interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent
VARIABLE = "JOSEFINE_TEST_BROKERS"
IDLE_TIMEOUT_S = 15
"""After it ingest ends a session whose producer is gone: short, so that a test need not wait a minute, and longer than
a loaded machine takes between two records of a test."""
SHARED_STACKS = ("engine_of_kind", "broker_of_kind")
"""Fixtures that are dear to have in two processes."""
BATCH_DEADLINE_S = 120
"""Time after which a device counts as hung: long, because a test machine may have other things to do."""


def pytest_configure() -> None:
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        # A port is bound some time after it was found free: the workers look for theirs in different places.
        number, count = int(worker.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        ports.EPHEMERAL = ports.EPHEMERAL[number::count]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chaos")
    group.addoption("--chaos-repeats", type=int, default=0, help="repeats of every fault; 0: the quick ones, once")
    group.addoption("--chaos-on", default="kafka,cluster,tansu", help="kinds of stacks, separated by commas")
    group.addoption("--chaos-json", type=Path, help="write every repeat here")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tells `pytest -n` what stays in one process: modules that share a running stack, and the tests of a module. What
    takes long begins first, so that no process is left alone with it at the end.
    """
    modules: defaultdict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        modules[item.path].append(item)
    begins: dict[Path, int] = {}
    for path, tests in modules.items():
        fixtures = {name for test in tests for name in getattr(test, "fixturenames", ())}
        stack = next((name for name in SHARED_STACKS if name in fixtures), None)
        takes_long = any(test.get_closest_marker("slow") for test in tests)
        begins[path] = SHARED_STACKS.index(stack) if stack else len(SHARED_STACKS) + (not takes_long)
        for test in tests:
            test.add_marker(pytest.mark.xdist_group(stack or os.path.relpath(path, TESTS)))
    items.sort(key=lambda item: begins[item.path])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuses to go on where groups are not kept: every engine would be started in every process."""
    groups = session.config.getoption("loadgroup", default=False)
    if groups and not all("@" in item.nodeid for item in session.items):
        raise pytest.UsageError("pytest-xdist does not keep xdist_group with this pytest: see pyproject.toml")


class Stacks:
    """Stacks by kind of broker, started when they are first asked for."""

    def __init__(self, services: tuple[Service, ...]) -> None:
        self._services = services
        self._running: dict[str, LocalStack] = {}
        self._failures: dict[str, str] = {}

    def __call__(self, kind: str) -> LocalStack:
        """Returns the running stack on a broker of this kind; skips the test where there can be none."""
        wanted = os.environ.get(VARIABLE, "kafka,tansu").split(",")
        if kind not in wanted:
            pytest.skip(f"{VARIABLE}={','.join(wanted)} leaves out {kind}")
        if kind in self._failures:
            pytest.skip(self._failures[kind])
        if kind not in self._running:
            stack = LocalStack(StackOptions(services=self._services, broker=kind))  # type: ignore[arg-type]
            try:
                stack.start()
            except (MissingError, FetchError) as error:
                self._failures[kind] = f"{kind} cannot run here: {error}"
                pytest.skip(self._failures[kind])
            self._running[kind] = stack
        return self._running[kind]

    def stop(self) -> None:
        """Ends what was started."""
        for stack in self._running.values():
            stack.stop()

    def log_tails(self) -> str:
        """Returns the last lines of every log."""
        logs = [log for stack in self._running.values() for log in sorted((stack.run_dir / "logs").glob("*.log"))]
        return "\n".join(f"--- {log.name}\n{log_tail(log)}" for log in logs)


@pytest.fixture(scope="session")
def broker_of_kind() -> Iterator[Callable[[str], LocalStack]]:
    """Gives the stack of broker and store alone, by kind: broker_of_kind("kafka").bootstrap_servers, .redis_url."""
    stacks = Stacks(())
    yield stacks
    stacks.stop()


@pytest.fixture(scope="session")
def engine_of_kind() -> Iterator[Stacks]:
    """Gives the whole engine by kind of broker."""
    ingest = {"JOSEFINE_IDLE_TIMEOUT_S": str(IDLE_TIMEOUT_S)}
    # Any number of live streams: how many this machine serves in time is not what is tested.
    inference = {"JOSEFINE_BATCH_DEADLINE_S": str(BATCH_DEADLINE_S), "JOSEFINE_LIVE_STREAMS": "0"}
    stacks = Stacks(standard_services({"ingest": ingest, "inference": inference}))
    yield stacks
    stacks.stop()


@pytest.fixture(scope="session")
def gateway(engine_of_kind: Stacks) -> Iterator[Gateway]:
    """A replica of the gateway beside the engine on Apache Kafka, for tests that leave it alive."""
    with gateway_beside(engine_of_kind("kafka")) as running:
        yield running


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return Path(__file__).parents[1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts the engine's logs beside the failure of a test that used it."""
    report = yield
    stacks = getattr(item, "funcargs", {}).get("engine_of_kind")
    if report.failed and stacks is not None:
        report.sections.append(("logs of the engine", stacks.log_tails()))
    return report
