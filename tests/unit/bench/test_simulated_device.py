from dataclasses import fields

import numpy as np
import pytest
from bench.simulated_device import SimulatedModel, SimulatedRequest, StepTimes, hypothesis, load

from josefine_inference.hypothesis import Acceptance
from josefine_inference.messages import pack_hypotheses, unpack_hypotheses
from josefine_whisper.hypothesis import Request


def request_of(hops, prefix=()):
    return SimulatedRequest(np.zeros((hops, 80), np.float16), prefix)


def test_it_is_asked_as_the_engine_is():
    assert [field.name for field in fields(SimulatedRequest)] == [field.name for field in fields(Request)]


def test_a_batch_takes_a_fixed_time_and_one_for_its_audio():
    assert StepTimes(6.0, 0.2).seconds(100.0) == pytest.approx(0.026)


def test_step_times_come_back_from_their_file(tmp_path):
    StepTimes(1.5, 2.5).write(tmp_path / "times.json")
    assert StepTimes.read(tmp_path / "times.json") == StepTimes(1.5, 2.5)


def test_the_model_takes_the_times_that_the_file_has_now(tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr("bench.simulated_device.time.sleep", slept.append)
    model = SimulatedModel(tmp_path / "times.json")
    for times in (StepTimes(10.0, 0.0), StepTimes(0.0, 1.0)):
        times.write(tmp_path / "times.json")
        model.transcribe([request_of(200), request_of(100)])
    assert slept == pytest.approx([0.01, 0.003])


def test_a_hypothesis_is_as_long_as_speech_and_ends_with_the_window():
    heard = hypothesis(request_of(1000))
    assert len(heard.words) == 25
    assert heard.words[-1].end_s == pytest.approx(10.0)
    assert Acceptance().accepts(heard)


def test_a_hypothesis_begins_with_its_prefix_and_more_audio_only_adds_words():
    short, long = hypothesis(request_of(200, ("Hello,",))), hypothesis(request_of(400, ("Hello,",)))
    texts = [word.text for word in short.words]
    assert texts[0] == "Hello,"
    assert [word.text for word in long.words][: len(texts)] == texts


def test_a_hypothesis_survives_the_way_to_the_parent():
    heard = hypothesis(request_of(300))
    assert unpack_hypotheses(pack_hypotheses([heard])) == [heard]


def test_the_loader_names_the_device_as_simulated(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_STEP_TIMES", str(tmp_path / "times.json"))
    assert load("tiny.en", device="cuda:0", dtype="auto", threads=0).device == "simulated cuda:0"
