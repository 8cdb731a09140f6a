"""Whatever happens to connections and to replicas of the gateway: nobody is told less, more or otherwise for it.

Behind `make chaos` alone; a short form of it is tests/e2e/test_gateway_resume.py.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cut_line import Line
from cut_table import Row
from deadlines import wait_until
from gateways import Gateway, gateway_beside
from resumed_speech import Speech, Spoken, line_to, recording, taken_audio, url_of

from josefine_client.live.events import Final
from josefine_kafka.connection import Broker
from josefine_local.stack import LocalStack

SESSIONS = 8
CUTS = 10
ROUNDING = 0.02
"""What company in a batch may change of a confidence: the last digits of the model's sums. Nothing else may differ."""


@dataclass
class Stage:
    """Two replicas, the line that leads to the first, and who speaks through it."""

    stack: LocalStack
    line: Line
    first: Gateway
    second: Gateway
    spoken: list[Spoken]
    chance: random.Random
    struck_s: list[float] = field(default_factory=list)

    def await_place(self, place_s: float) -> None:
        """Returns when everybody has said so much."""
        wait_until(lambda: min(spoken.sent_s for spoken in self.spoken) >= place_s)

    def strike(self, *deeds: Callable[[], object]) -> None:
        """Does something, and returns when everybody is connected again."""
        before = [len(spoken.back_s) for spoken in self.spoken]
        self.struck_s.append(time.monotonic())
        for deed in deeds:
            deed()
        wait_until(lambda: all(len(each.back_s) > count for each, count in zip(self.spoken, before, strict=True)))

    def lead_to(self, gateway: Gateway) -> None:
        """Has new connections at a replica."""
        self.line.server = ("127.0.0.1", gateway.port)

    def go_on_times(self) -> list[float]:
        """Returns how long each was without a connection after each strike, in seconds."""
        return [
            next(at_s for at_s in each.back_s if at_s >= struck_s) - struck_s
            for struck_s in self.struck_s
            for each in self.spoken
        ]


def cut(stage: Stage) -> None:
    for place_s in sorted(stage.chance.uniform(1.0, 20.0) for _ in range(CUTS)):
        stage.await_place(place_s)
        stage.strike(stage.line.cut)


def freeze(stage: Stage) -> None:
    for place_s in (3.0, 12.0):
        stage.await_place(place_s + stage.chance.uniform(0.0, 4.0))
        stage.strike(stage.line.freeze)


def kill(stage: Stage) -> None:
    stage.await_place(stage.chance.uniform(2.0, 15.0))
    stage.lead_to(stage.second)
    stage.strike(stage.first.kill)


def zombie(stage: Stage) -> None:
    """A replica stops in the middle of writing, its clients go to another, and it goes on."""
    stage.await_place(stage.chance.uniform(2.0, 12.0))
    stage.lead_to(stage.second)
    stage.strike(stage.first.pause)
    stage.first.go_on()


def drain(stage: Stage) -> None:
    stage.await_place(stage.chance.uniform(2.0, 15.0))
    stage.lead_to(stage.second)
    stage.strike(stage.first.end)


def restart_broker(stage: Stage) -> None:
    """Nobody need connect again for it."""
    stage.await_place(stage.chance.uniform(2.0, 10.0))
    node = stage.stack.node()
    node.stop()
    node.start()


FAULTS = {
    "connections cut ten times (RST)": cut,
    "connections frozen twice": freeze,
    "SIGKILL of the replica": kill,
    "the replica a zombie beside its successor": zombie,
    "the replica drains (SIGTERM)": drain,
    "broker restarts in good order": restart_broker,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    repeats = metafunc.config.getoption("--chaos-repeats")
    metafunc.parametrize(("fault", "number"), [(name, number) for name in FAULTS for number in range(repeats)])


@pytest.fixture(scope="module")
def words(repository: Path) -> Speech:
    return recording(repository / "samples" / "lj050-0131.wav", times=3)


@pytest.fixture(scope="module")
def undisturbed(words: Speech, gateway: Gateway) -> Spoken:
    spoken = Spoken()
    words.hear(gateway.ws_url, spoken)
    return spoken


def is_same(final: Final, other: Final) -> bool:
    """Returns whether two finals say the same in the same words at the same times, equally certain."""
    near = pytest.approx(confidences(other), abs=ROUNDING)
    return without_confidences(final) == without_confidences(other) and confidences(final) == near


def confidences(final: Final) -> list[float]:
    return [final.confidence, *(word.confidence for word in final.words)]


def without_confidences(final: Final) -> Final:
    return replace(final, confidence=0.0, words=tuple(replace(word, confidence=0.0) for word in final.words))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_lost_or_repeated(fault, number, words, undisturbed, engine_of_kind, rows) -> None:
    stack, begun_ms = engine_of_kind("kafka"), int(time.time() * 1000)
    with (
        gateway_beside(stack) as first,
        gateway_beside(stack) as second,
        line_to(first) as line,
        ThreadPoolExecutor(SESSIONS) as threads,
    ):
        spoken = [Spoken() for _ in range(SESSIONS)]
        stage = Stage(stack, line, first, second, spoken, random.Random(f"{fault} {number}"))
        done = [threads.submit(words.hear, url_of(line), each) for each in spoken]
        FAULTS[fault](stage)
        for each in done:
            each.result()
    lost, repeated = Counter(), Counter()
    changed = 0
    wanted = Counter(undisturbed.words)
    for each in spoken:
        lost += wanted - Counter(each.words)
        repeated += Counter(each.words) - wanted
        changed += sum(not any(is_same(final, other) for other in undisturbed.finals) for final in each.finals)
    rows.append(Row(fault, lost.total(), repeated.total(), changed, stage.go_on_times()))
    assert (lost, repeated, changed) == (Counter(), Counter(), 0)
    assert [each.transcript for each in spoken] == [undisturbed.transcript] * SESSIONS
    assert taken_audio(Broker(stack.bootstrap_servers), begun_ms) == [words.audio] * SESSIONS
