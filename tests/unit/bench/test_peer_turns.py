import argparse

import pytest
from bench.peers import environments, turns
from bench.streaming.system import SystemFailedError
from rich.console import Console

OPTIONS = argparse.Namespace(duration_s=30.0, seed=1)


class System:
    settings = ""

    def __init__(self, name, capacity, diary, fails=False):
        self.name, self.capacity, self.diary, self.fails = name, capacity, diary, fails

    def start(self):
        if self.fails:
            raise SystemFailedError(f"{self.name}: no weights")
        self.diary.append(("start", self.name))

    def stop(self):
        self.diary.append(("stop", self.name))


@pytest.fixture(autouse=True)
def measuring(monkeypatch):
    class Measuring:
        def __init__(self, system, *_):
            self.system = system

        def warm_up(self):
            pass

        def __call__(self, ask):
            within = ask.streams <= self.system.capacity
            return {"system": self.system.name, "streams": ask.streams, "short": ask.short, "within": within}

    monkeypatch.setattr(turns, "Measuring", Measuring)


def taken(*systems, first=4):
    made = [turns.Turn(system, first, 1.1) for system in systems]
    return turns.take_turns(made, [], OPTIONS, Console(quiet=True))


def test_systems_take_turns_and_only_one_runs_at_a_time():
    diary = []
    rows = taken(System("a", 9, diary), System("b", 3, diary))
    assert [row["system"] for row in rows[:4]] == ["a", "b", "a", "b"]
    assert [what for what, _ in diary] == ["start", "stop"] * (len(diary) // 2)
    whole = [(row["system"], row["streams"]) for row in rows if row["within"] and not row["short"]]
    assert {max(each for each in whole if each[0] == name) for name in "ab"} == {("a", 9), ("b", 3)}


def test_a_system_that_cannot_be_had_is_one_row_with_the_reason():
    diary = []
    rows = taken(System("a", 9, diary), System("b", 3, diary, fails=True))
    assert [row["failed"] for row in rows if row["system"] == "b"] == ["b: no weights"]
    assert ("stop", "b") in diary


def test_an_environment_is_made_once_and_anew_when_its_pins_change(monkeypatch, tmp_path):
    made = []

    def run(command, name):
        made.append(command)
        (tmp_path / "cache" / name).mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(environments, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(environments, "_run", run)
    pins = tmp_path / "x.txt"
    pins.write_text("a==1\n")
    python = environments.environment("x", tmp_path / "cache", lambda _: None)
    assert python == tmp_path / "cache/x/bin/python"
    assert [command[2] for command in made] == ["venv", "pip"]
    environments.environment("x", tmp_path / "cache", lambda _: None)
    assert len(made) == 2
    pins.write_text("a==2\n")
    environments.environment("x", tmp_path / "cache", lambda _: None)
    assert len(made) == 4


def test_an_installation_that_fails_says_why_and_is_tried_again(monkeypatch, tmp_path):
    (tmp_path / "x.txt").write_text("a==1\n")
    monkeypatch.setattr(environments, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(environments, "python_of", lambda _: tmp_path / "no-python")
    monkeypatch.setattr(environments.sys, "executable", "false")
    for _ in range(2):
        with pytest.raises(SystemFailedError, match="x: cannot be installed"):
            environments.environment("x", tmp_path / "cache", lambda _: None)
