"""Which fault is due, and that nobody gets one by accident."""

import json

import numpy as np
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from josefine_inference.fault_switch import ALLOWED, faults_file
from josefine_inference.faults import Faults, FaultsError, read_faults
from josefine_inference.settings import InferenceSettings
from josefine_stage.errors import ConfigurationError


@pytest.fixture
def write(tmp_path):
    path = tmp_path / "faults.json"

    def written(*entries):
        path.write_text(json.dumps(entries))
        return str(path)

    return written


def window(hops=3, value=0.0):
    log_mel = np.zeros((hops, 4), np.float16)
    log_mel[1, 2] = value
    return log_mel


def kinds(faults, calls, call="batch", windows=()):
    return [fault and fault.fault for fault in (faults.due(call, windows) for _ in range(calls))]


@pytest.mark.parametrize("half", [("", ALLOWED), ("f.json", ""), ("f.json", "yes"), ("f.json", ALLOWED.upper())])
def test_half_a_switch_is_refused_and_names_both_variables(half):
    with pytest.raises(ConfigurationError, match=r"JOSEFINE_FAULTS.*JOSEFINE_ALLOW_FAULTS"):
        faults_file(*half)


def test_half_a_switch_is_no_setting(monkeypatch):
    monkeypatch.setenv("JOSEFINE_FAULTS", "f.json")
    with pytest.raises(ValidationError, match=r"JOSEFINE_FAULTS.*JOSEFINE_ALLOW_FAULTS"):
        InferenceSettings()
    monkeypatch.setenv("JOSEFINE_ALLOW_FAULTS", ALLOWED)
    assert InferenceSettings().faults == "f.json"


def test_the_whole_switch_is_loud(write):
    path = write({"fault": "hang"})
    with capture_logs() as lines:
        assert faults_file(path, ALLOWED) == path
    assert [(line["event"], line["log_level"]) for line in lines] == [("fault_injection_enabled", "warning")]


def test_no_switch_no_faults():
    with capture_logs() as lines:
        assert faults_file("", "") == ""
    assert not lines


@pytest.mark.parametrize(
    "entry",
    [
        {"fault": "melt"},
        {"fault": "hang", "when": {"batch": 0}},
        {"fault": "hang", "when": {"batch": 1, "load": 1}},
        {"fault": "too_few", "when": {"load": 1}},
        {"fault": "hang", "when": {"value": "4d2e"}},
        {"fault": "hang", "often": True},
    ],
)
def test_a_file_that_makes_no_sense_is_refused(write, entry):
    path = write(entry)
    with pytest.raises(FaultsError, match="no list of faults"):
        read_faults(path)
    with pytest.raises(ConfigurationError, match="JOSEFINE_FAULTS"):
        faults_file(path, ALLOWED)


def test_the_nth_batch_of_each_life_and_so_many_times_in_all(write):
    path = write({"fault": "hang", "when": {"batch": 2}, "times": 2})
    assert kinds(Faults(path), 3) == [None, "hang", None]
    assert kinds(Faults(path), 3, "load") == [None] * 3
    assert kinds(Faults(path), 3) == [None, "hang", None]
    assert kinds(Faults(path), 3) == [None] * 3


def test_loads_and_batches_are_counted_apart(write):
    faults = Faults(write({"fault": "exit", "when": {"load": "any"}}, {"fault": "hang", "when": {"batch": 1}}))
    assert kinds(faults, 2, "load") == ["exit", "exit"]
    assert kinds(faults, 2) == ["hang", None]


def test_the_file_is_read_anew(write, tmp_path):
    faults = Faults(str(tmp_path / "faults.json"))
    assert kinds(faults, 1) == [None]
    write({"fault": "slow", "seconds": 1.0})
    assert kinds(faults, 1) == ["slow"]
    write()
    assert kinds(faults, 1) == [None]


def test_a_mark_in_the_windows(write):
    marked = window(value=np.array(0x4D2E, np.uint16).view(np.float16))
    faults = Faults(write({"fault": "exit", "when": {"value": "0x4d2e"}}, {"fault": "slow", "when": {"hops": 5}}))
    assert kinds(faults, 1, windows=[window(), marked]) == ["exit"]
    assert kinds(faults, 1, windows=[window(), window(5)]) == ["slow"]
    assert kinds(faults, 1, windows=[window()]) == [None]


def test_a_probability_is_kept_and_can_be_had_again(write, tmp_path):
    path = write({"fault": "exit", "when": {"probability": 0.25, "seed": 3}})
    drawn = kinds(Faults(path), 400)
    assert 60 < drawn.count("exit") < 140
    (tmp_path / "faults.json.done").unlink()
    assert kinds(Faults(path), 400) == drawn
