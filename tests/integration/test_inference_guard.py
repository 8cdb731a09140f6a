"""What is done about a device that does not do its work, with real child processes and the faults of faults.py."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from child_kit import HANG, Clock, Devices, answers, batch, gone, texts, until, window

from josefine_inference.deadlines import DeadlineLimits
from josefine_inference.health import HealthOptions
from josefine_inference.messages import Failed, Work
from josefine_inference.pool import DevicePool
from josefine_inference.port import DeviceError, DeviceState
from josefine_inference.process import ChildProcess
from josefine_inference.spare import STAYS_S

POLLS = 200
"""More than a service that waits for its device would make."""
PATIENT = DeadlineLimits(term_s=1000.0)
"""SIGTERM has all the time that it takes on a busy machine; a test that wants SIGKILL moves the clock."""


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def start(clock, monkeypatch, tmp_path):
    devices = Devices(clock, monkeypatch, tmp_path)
    yield devices
    devices.close()


@pytest.fixture
def faults(tmp_path):
    """Writes the file of faults and returns its path."""

    def written(*entries):
        path = tmp_path / "faults.json"
        path.write_text(json.dumps(entries))
        return str(path)

    return written


@contextmanager
def held_by_the_kernel(monkeypatch):
    """No signal reaches a child, as where a driver's call never returns."""
    with monkeypatch.context() as patched:
        patched.setattr(ChildProcess, "_signal", lambda *_: None)
        yield


def struck(path):
    """Returns whether a fault has happened, and been noted: a child that ends while it notes it does it once more."""
    done = Path(f"{path}.done")
    return done.exists() and done.read_text(encoding="utf-8").endswith("\n")


def ignores_sigterm(pid):
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(ignored.split()[1], 16) & 1 << signal.SIGTERM - 1)


def working(device):
    until(device, lambda _: device.ready())
    return device.status()[0].pid


def hang(device, clock):
    """Lets the device's oldest batch pass its deadline, and returns the pid of its child."""
    pid = working(device)
    clock.ahead_s += 11.0
    return pid


def test_a_hung_child_prints_where_it_hangs_and_is_replaced_without_a_kill(start, clock, faults, capfd):
    path = faults({"fault": "hang", "when": {"batch": 1}, "times": 1})
    device = start(faults=path, deadlines=PATIENT)
    working(device)
    device.submit(batch(Work(1, window())))
    until(device, lambda _: struck(path))
    hung = hang(device, clock)
    device.poll()
    assert device.state is DeviceState.ENDING
    assert set(texts(answers(device, 1))) == {1}  # SIGKILL is 1000 s away
    assert gone(hung)
    error = capfd.readouterr().err
    assert "most recent call first" in error
    assert "faulty_child.py" in error


def test_a_stopped_child_is_asked_too(start, clock, capfd):
    device = start(deadlines=PATIENT)
    stopped = working(device)
    os.kill(stopped, signal.SIGSTOP)
    device.submit(batch(Work(1, window())))
    clock.ahead_s += 11.0
    assert set(texts(answers(device, 1))) == {1}
    assert gone(stopped)
    assert "child.py" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_polling_goes_on_while_a_child_is_dying_and_while_one_loads(start, clock, faults):
    path = faults({"fault": "hang_ignoring_sigterm", "when": {"batch": 1}, "times": 1})
    device = start(faults=path, deadlines=PATIENT)
    child = working(device)
    device.submit(batch(Work(1, window())))
    until(device, lambda _: ignores_sigterm(child))
    dying = hang(device, clock)
    for _ in range(POLLS):
        assert device.poll() == []
    assert device.state is DeviceState.ENDING
    assert not gone(dying)
    clock.ahead_s += PATIENT.term_s
    until(device, lambda _: device.state is DeviceState.STARTING)
    assert gone(dying)
    assert set(texts(answers(device, 1))) == {1}
    loading = start(model="slow")
    for _ in range(POLLS):
        assert loading.poll() == []
    assert loading.state is DeviceState.STARTING


def test_a_child_that_crashed_is_not_asked(start):
    device = start(deadlines=PATIENT)
    os.kill(working(device), signal.SIGKILL)
    until(device, lambda _: device.restarts == 1)
    working(device)


def test_a_device_whose_child_cannot_be_killed_is_left_until_it_can(start, clock, monkeypatch):
    first, second = start(deadlines=PATIENT), start(deadlines=PATIENT)
    pool = DevicePool([first, second], spare=False)
    stuck = working(first)
    working(second)
    os.kill(stuck, signal.SIGSTOP)
    with held_by_the_kernel(monkeypatch):
        first.submit(batch(Work(1, window()), Work(2, window())))
        first.submit(batch(Work(3, window())))
        first.poll()
        for seconds in (11.0, PATIENT.term_s + 0.1, PATIENT.kill_s + 0.1, 0.1):
            clock.ahead_s += seconds
            first.poll()
    status = pool.status()[0]
    assert (status.state, status.pid) == (DeviceState.QUARANTINED, None)
    assert status.reason == f"child {stuck} of scripted cannot be killed"
    assert pool.room() == 2
    assert set(texts(answers(pool, 3))) == {1, 2, 3}
    assert second.restarts == 0
    for _ in range(POLLS):
        pool.poll()
        clock.ahead_s += 0.01
    assert first.state is DeviceState.QUARANTINED
    assert not gone(stuck)
    os.kill(stuck, signal.SIGKILL)
    clock.ahead_s += 1.1
    until(pool, lambda _: first.ready())
    assert first.reason == ""


def test_who_shared_a_batch_with_a_window_that_hangs_is_decoded_beside_it(start, clock):
    device = start(deadlines=PATIENT)
    pool = DevicePool([device], clock)
    until(pool, lambda _: pool.ready())
    pool.submit(batch(Work(1, window(HANG)), Work(2, window()), Work(3, window())))
    hang(device, clock)
    assert set(texts(answers(pool, 2))) == {2, 3}  # the clock does not go on: one hangs meanwhile
    (line,) = pool.status()
    assert (line.restarts, line.state) == (1, DeviceState.WORKING)
    pids = line.pid, line.spare_pid
    assert not any(gone(pid) for pid in pids)
    clock.ahead_s += 31.0
    until(pool, lambda _: device.restarts == 2 and len(working_children(pool)) == 2)
    until(pool, lambda _: any(child.on_trial for child in pool.children()))
    clock.ahead_s += 31.0
    (given_up,) = until(pool, lambda outcomes: outcomes)
    assert (given_up.id, given_up.code) == (1, "device_poison")
    until(pool, lambda _: len(working_children(pool)) == 2)
    clock.ahead_s += STAYS_S + 1.0
    spare = pool.status()[0].spare_pid
    until(pool, lambda _: pool.children() == [device])
    assert gone(spare)
    pool.close()


def working_children(pool):
    return [child for child in pool.children() if child.ready()]


def test_without_another_device_a_child_that_cannot_be_killed_ends_the_service(start, clock, monkeypatch):
    device = start()
    pool = DevicePool([device])
    stuck = working(device)
    os.kill(stuck, signal.SIGSTOP)
    pool.submit(batch(Work(1, window())))
    with (
        held_by_the_kernel(monkeypatch),
        pytest.raises(DeviceError, match=f"child {stuck} of scripted cannot be killed"),
    ):
        until(pool, lambda _: setattr(clock, "ahead_s", clock.ahead_s + 0.1))
    os.kill(stuck, signal.SIGKILL)


def test_a_device_whose_children_fail_to_start_is_tried_again_after_a_rest(start, clock, faults):
    path = faults({"fault": "exit", "when": {"load": 1}, "times": 2})
    other, device = start(), start(faults=path, start_failures=2, rest_s=60.0)
    pool = DevicePool([other, device])
    while device.state is not DeviceState.QUARANTINED:
        until(pool, lambda _: device.state is not DeviceState.ENDING)
        until(pool, lambda _: device.state is not DeviceState.STARTING)
        clock.ahead_s += 1.0
    assert "2 device children in a row failed" in device.reason
    for _ in range(POLLS):
        pool.poll()
    assert device.state is DeviceState.QUARANTINED
    clock.ahead_s += 60.0
    working(device)


PROBE = """
import json, os, signal, sys, threading
said = open(os.environ["PROBE_SAYS"]).read()
if said == "hang":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(os.environ["PROBE_SAYS"] + ".pid", "w").write(str(os.getpid()))
    threading.Event().wait()
print(said)
"""


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """A driver that says of every device what the test wants."""
    says = tmp_path / "health.json"
    monkeypatch.setenv("PROBE_SAYS", str(says))

    def told(text):
        says.with_suffix(".new").write_text(text)
        says.with_suffix(".new").replace(says)

    told.program = (sys.executable, "-c", PROBE)
    told.hung = tmp_path / "health.json.pid"
    told('{"healthy": true, "uuid": "GPU-a", "temperature_celsius": 41}')
    return told


def test_health_is_asked_for_and_shown(start, driver):
    device = start(device="cuda:0", health=HealthOptions(program=driver.program))
    until(device, lambda _: device.status()[0].health)
    health = device.status()[0].health
    assert (health.healthy, health.uuid, health.temperature_celsius) == (True, "GPU-a", 41)


def test_a_device_without_a_driver_is_not_asked_about(start):
    device = start(health=HealthOptions(program=("no-such-program",)))
    working(device)
    assert device.status()[0].health is None


def test_a_device_that_works_is_left_alone_and_one_that_lost_its_child_is_not_tried_in_vain(start, clock, driver):
    device = start(device="cuda:0", health=HealthOptions(program=driver.program))
    pool = DevicePool([start(), device])
    pid = working(device)
    until(device, lambda _: device.status()[0].health)
    driver('{"healthy": false, "reason": "GPU is lost"}')
    clock.ahead_s += 31.0
    until(pool, lambda _: device.status()[0].health.healthy is False)
    assert (device.state, device.status()[0].pid) == (DeviceState.WORKING, pid)
    os.kill(pid, signal.SIGKILL)
    until(pool, lambda _: device.state is DeviceState.QUARANTINED)
    assert device.reason == "cuda:0 is not healthy: GPU is lost"
    assert device.restarts == 1
    until(pool, lambda _: device._health._probe is None)  # the answer to the quarantine is in: ill as before
    assert device.state is DeviceState.QUARANTINED
    driver('{"healthy": true}')
    clock.ahead_s += 31.0
    working(device)


def test_a_driver_that_hangs_is_not_waited_for(start, clock, driver):
    driver("hang")
    device = start(device="cuda:0", model="slow", health=HealthOptions(limit_s=5.0, program=driver.program))
    pool = DevicePool([start(), device])
    until(pool, lambda _: driver.hung.exists() and driver.hung.read_text())
    clock.ahead_s += 5.1
    pool.poll()
    assert device.state is DeviceState.QUARANTINED
    assert device.reason == "cuda:0 is not healthy: the driver did not answer within 5 s"
    until(pool, lambda _: gone(int(driver.hung.read_text())))


@pytest.mark.parametrize("says", ["", "nonsense", '{"healthy": null, "reason": "no library"}'])
def test_a_driver_that_cannot_tell_hinders_nothing(start, driver, says):
    driver(says)
    device = start(device="cuda:0", health=HealthOptions(program=driver.program))
    until(device, lambda _: device.status()[0].health)
    assert device.status()[0].health.healthy is None
    os.kill(working(device), signal.SIGKILL)
    until(device, lambda _: device.restarts == 1)
    working(device)


def test_the_shipped_probe_prints_one_line(start):
    device = start(device="cuda:0")
    until(device, lambda _: device.status()[0].health)
    assert device.status()[0].health.healthy in (True, False, None)
    assert "said nothing clear" not in device.status()[0].health.reason


@pytest.mark.parametrize("fault", ["crash", "exit", "cuda_error", "too_few", "garbage"])
def test_a_fault_costs_a_child_and_no_window(start, faults, fault):
    device = start(faults=faults({"fault": fault, "when": {"batch": 1}, "times": 1}))
    device.submit(batch(Work(1, window(hops=3)), Work(2, window(hops=4))))
    device.submit(batch(Work(3, window(hops=5))))
    assert texts(answers(device, 3)) == {1: "en:3:0", 2: "en:4:0", 3: "en:5:0"}
    assert device.restarts == 1


@pytest.mark.parametrize("fault", ["exit", "cuda_error", "too_few", "garbage"])
def test_a_marked_window_is_found_and_the_others_are_decoded(start, faults, fault):
    device = start(faults=faults({"fault": fault, "when": {"hops": 7}}))
    device.submit(batch(*(Work(id_, window(hops=7 if id_ == 3 else 5)) for id_ in range(6))))
    outcomes = answers(device, 6)
    assert set(texts(outcomes)) == {0, 1, 2, 4, 5}
    (failed,) = [one for one in outcomes if isinstance(one, Failed)]
    assert (failed.id, failed.code) == (3, "device_poison")


@pytest.mark.parametrize("fault", ["hang", "hang_ignoring_sigterm"])
def test_a_hang_is_ended(start, clock, faults, fault):
    path = faults({"fault": fault, "when": {"batch": 1}, "times": 1})
    device = start(faults=path)
    working(device)
    device.submit(batch(Work(1, window())))
    until(device, lambda _: struck(path))
    hung = hang(device, clock)
    until(device, lambda _: device.state is DeviceState.ENDING)
    clock.ahead_s += 2.0
    assert set(texts(answers(device, 1))) == {1}
    assert gone(hung)


def test_a_slow_batch_is_only_slow(start, faults):
    device = start(faults=faults({"fault": "slow", "seconds": 0.2, "factor": 2.0}))
    device.submit(batch(Work(1, window())))
    assert set(texts(answers(device, 1))) == {1}
    assert device.status()[0].busy_s >= 0.2
    assert device.restarts == 0


def test_a_batch_for_which_the_memory_did_not_suffice_is_halved_in_the_same_child(start, faults):
    device = start(faults=faults({"fault": "out_of_memory", "when": {"hops": 7}, "times": 3}))
    device.submit(batch(*(Work(id_, window(hops=7 if id_ == 2 else 5)) for id_ in range(4))))
    device.submit(batch(Work(9, window())))
    assert set(texts(answers(device, 5))) == {0, 1, 2, 3, 9}
    assert device.restarts == 1  # whole, half, alone: the last is worth a child with fresh memory


def test_a_load_that_runs_out_of_memory_is_tried_again(start, clock, faults):
    device = start(faults=faults({"fault": "out_of_memory", "when": {"load": 1}, "times": 1}))
    until(device, lambda _: device.state is DeviceState.ENDING)
    clock.ahead_s += 1.0
    working(device)


def test_what_was_done_is_noted_beside_the_file(start, faults):
    path = faults({"fault": "exit", "when": {"batch": 1}, "times": 1})
    device = start(faults=path)
    device.submit(batch(Work(1, window())))
    answers(device, 1)
    (done,) = [json.loads(line) for line in Path(f"{path}.done").read_text().splitlines()]
    assert done["entry"] == {"fault": "exit", "when": {"batch": 1}, "times": 1}
    assert (done["call"], done["number"]) == ("batch", 1)


def test_the_code_of_faults_is_not_imported_unless_asked_for():
    code = "import sys, josefine_inference.build, josefine_inference.child; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"josefine_inference.faults", "josefine_inference.faulty_child"} & set(modules)


def test_half_a_switch_ends_the_service_with_one_line_before_it_looks_for_a_broker(monkeypatch):
    monkeypatch.setenv("JOSEFINE_ALLOW_FAULTS", "yes")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    ended = subprocess.run([sys.executable, "-m", "josefine_inference"], capture_output=True, text=True, check=False)
    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert "JOSEFINE_FAULTS" in line
    assert "JOSEFINE_ALLOW_FAULTS=yes-break-this-engine" in line
