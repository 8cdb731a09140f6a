"""A device with a real child process, which loads its models from child_models.py."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import psutil
import pytest
from child_kit import (
    DIE,
    DIE_ONCE,
    HANG,
    MELS,
    RAISE,
    REFUSE,
    SPEAK,
    Clock,
    Devices,
    answers,
    batch,
    gone,
    texts,
    until,
    window,
)
from deadlines import wait_until

from josefine_inference.deadlines import DeadlineLimits
from josefine_inference.messages import Failed, Work
from josefine_inference.pool import DevicePool
from josefine_inference.port import DeviceError, DeviceState


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def start(clock, monkeypatch, tmp_path):
    devices = Devices(clock, monkeypatch, tmp_path)
    yield devices
    devices.close()


def test_batches_are_answered_in_order(start):
    device = start()
    device.submit(batch(Work(1, window(hops=7, last=3)), Work(2, window(hops=9), prefix=("so",))))
    device.submit(batch(Work(3, window(hops=5)), language="de"))
    assert device.room() == 0
    outcomes = answers(device, 3)
    assert texts(outcomes) == {1: "en:7:3", 2: "so en:9:0", 3: "de:5:0"}
    assert outcomes[0].hypothesis.words[0].confidence == 0.5
    assert device.room() == 2
    (status,) = device.status()
    assert (status.restarts, status.batches, status.audio_s) == (0, 2, pytest.approx(0.21))
    assert status.busy_s > 0


def test_ready_after_a_real_inference(start):
    device = start()
    assert not device.ready()
    until(device, lambda _: device.ready())
    assert device.status()[0].pid == psutil.Process(device.status()[0].pid).pid


def test_a_killed_child_is_replaced_and_its_batches_come_again(start):
    device = start()
    until(device, lambda _: device.ready())
    before = device.status()[0].pid
    os.kill(before, signal.SIGSTOP)  # so that both batches are still there when it dies
    device.submit(batch(Work(1, window(hops=3))))
    device.submit(batch(Work(2, window(hops=4))))
    os.kill(before, signal.SIGKILL)
    assert texts(answers(device, 2)) == {1: "en:3:0", 2: "en:4:0"}
    assert device.restarts == 1
    assert device.status()[0].pid != before
    assert gone(before)


def test_one_death_is_forgiven(start):
    device = start()
    device.submit(batch(Work(1, window(DIE_ONCE)), Work(2, window())))
    assert set(texts(answers(device, 2))) == {1, 2}
    assert device.restarts == 1


@pytest.mark.parametrize("what", [DIE, RAISE])
def test_the_poisonous_window_is_found_and_the_others_are_decoded(start, what):
    device = start()
    device.submit(batch(*(Work(id_, window(what if id_ == 2 else SPEAK)) for id_ in range(5))))
    device.submit(batch(Work(9, window())))
    outcomes = answers(device, 6)
    assert set(texts(outcomes)) == {0, 1, 3, 4, 9}
    (failed,) = [one for one in outcomes if isinstance(one, Failed)]
    assert (failed.id, failed.code) == (2, "device_poison")
    assert device.restarts <= 5


def test_a_hung_child_is_killed_at_its_deadline(start, clock):
    device = start()
    until(device, lambda _: device.ready())
    hung = device.status()[0].pid
    device.submit(batch(Work(1, window(HANG))))
    device.poll()
    assert device.status()[0].pid == hung
    clock.ahead_s += 11.0
    device.poll()
    assert device.restarts == 1
    until(device, lambda _: gone(hung))
    until(device, lambda _: device.ready())
    clock.ahead_s += 11.0
    device.poll()
    assert device.restarts == 1  # the second child gets twice the time
    clock.ahead_s += 11.0
    (failed,) = answers(device, 1)
    assert "batch took more than 20.2 s" in failed.reason


def test_a_stopped_child_is_killed_too(start, clock):
    device = start()
    until(device, lambda _: device.ready())
    stopped = device.status()[0].pid
    os.kill(stopped, signal.SIGSTOP)
    device.submit(batch(Work(1, window())))
    clock.ahead_s += 11.0
    assert set(texts(answers(device, 1))) == {1}
    assert gone(stopped)


def test_an_idle_device_proves_itself(start, clock):
    device = start()
    until(device, lambda _: device.ready())
    os.kill(device.status()[0].pid, signal.SIGSTOP)
    clock.ahead_s += 31.0
    device.poll()
    assert device.ready()  # asked, and not overdue
    clock.ahead_s += 12.0
    device.poll()
    assert not device.ready()
    until(device, lambda _: device.ready())


def test_a_refused_batch_fails_without_a_death(start):
    device = start()
    device.submit(batch(Work(1, window(REFUSE))))
    device.submit(batch(Work(2, np.zeros((5, MELS + 1), np.float16))))
    first, second = answers(device, 2)
    assert (first.code, first.reason) == ("refused", "a language that nobody speaks")
    assert second.reason == "tiny.en takes 4 mel bands, not 5"
    assert device.restarts == 0


def test_another_model_is_loaded_on_first_use(start):
    device = start()
    device.submit(batch(Work(1, window()), model="base"))
    assert set(texts(answers(device, 1))) == {1}


@pytest.mark.parametrize("model", ["broken", "deadly"])
def test_another_model_that_cannot_be_loaded_fails_its_batches_only(start, model):
    device = start()
    device.submit(batch(Work(1, window()), model=model))
    device.submit(batch(Work(2, window())))
    outcomes = answers(device, 2)
    assert set(texts(outcomes)) == {2}
    assert [one.code for one in outcomes if isinstance(one, Failed)] == ["model_load_failed"]


@pytest.mark.parametrize("model", ["broken", "deadly"])
def test_a_default_model_that_cannot_be_loaded_ends_the_device(start, clock, model):
    device = DevicePool([start(model=model, start_failures=2)])
    with pytest.raises(DeviceError, match="2 device children in a row failed"):
        until(device, lambda _: setattr(clock, "ahead_s", clock.ahead_s + 0.1))


def test_a_load_that_hangs_is_ended_at_its_deadline(start, clock):
    device = DevicePool([start(model="slow", start_failures=1, deadlines=DeadlineLimits(load_s=5.0))])
    device.poll()
    clock.ahead_s += 6.0
    with pytest.raises(DeviceError, match=r"load took more than 5\.0 s"):
        device.poll()


def test_the_pool_goes_on_with_the_devices_that_are_left(start, clock):
    pool = DevicePool([start(), start(model="broken", start_failures=1)])
    assert pool.room() == 4
    for id_ in range(4):
        pool.submit(batch(Work(id_, window())))
    assert set(texts(answers(pool, 4))) == set(range(4))
    until(pool, lambda _: pool.status()[1].state is DeviceState.QUARANTINED)
    assert pool.ready()
    assert pool.room() == 2


def test_closing_leaves_no_process(start):
    device = start()
    until(device, lambda _: device.ready())
    pid = device.status()[0].pid
    device.submit(batch(Work(1, window(HANG))))
    device.close()
    assert gone(pid)


PARENT = """
import sys, threading
from josefine_inference.device import Device
from josefine_inference.device_options import DeviceOptions
from josefine_inference.messages import Batch, Work
from josefine_inference.process import ChildOptions
from child_models import HANG
import numpy as np
device = Device(DeviceOptions(ChildOptions("scripted", loader="child_models:load"), "tiny.en"))
while not device.ready():
    device.poll()
if sys.argv[1] == "hung":
    device.submit(Batch("tiny.en", "en", (Work(1, np.full((5, 4), HANG, np.float16)),)))
    device.poll()
print("child", device.status()[0].pid, flush=True)
threading.Event().wait()
"""


@pytest.mark.parametrize("state", ["idle", "hung", "stopped"])
def test_a_killed_parent_leaves_no_child(start, state):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, state], stdout=subprocess.PIPE, text=True)
    child = next(int(line.split()[1]) for line in parent.stdout if line.startswith("child "))
    if state == "stopped":
        os.kill(child, signal.SIGSTOP)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: gone(child), within_s=10)


def test_the_childs_log_is_json_without_text(start, capfd):
    device = start()
    device.submit(batch(Work(1, window(RAISE), prefix=("secret",))))
    answers(device, 1)
    device.close()
    error = capfd.readouterr().err
    lines = [json.loads(line) for line in error.splitlines() if line.startswith("{")]
    assert {"model_loaded", "decode_failed"} <= {line["event"] for line in lines}
    assert "secret" not in error
    assert "libraries print" in error


def test_the_parent_needs_no_torch():
    code = "import sys, josefine_inference.build; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
