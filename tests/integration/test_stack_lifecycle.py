"""The supervisor with real programs: a store, a broker that starts at once, and small services.

What is shown here does not depend on the broker, so it is Tansu where another is not needed.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from josefine_local.detached import start_detached, stop_running
from josefine_local.errors import AlreadyRunningError, LocalError, PortInUseError, StartError
from josefine_local.options import Ports, Service, StackOptions
from josefine_local.ports import free_ports, is_free
from josefine_local.stack import LocalStack, attach, status
from josefine_local.state import read_state

DEADLINE_S = 60.0

# A service as the supervisor sees it: readiness at its metrics port, children, an exit status.
SERVICE = """
import http.server, json, os, subprocess, sys
child = subprocess.Popen([sys.executable, "-I", "-S", os.environ["LEASH"], str(os.getpid()), "sleep", "600"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"devices": [{"device": "cpu", "pid": child.pid, "restarts": 0}]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["JOSEFINE_METRICS_PORT"])), Handler).serve_forever()
"""
LEASH = Path(__file__).parents[2] / "libs" / "josefine_local" / "leash.py"
# SIGHUP as a terminal leaves it, not as nohup does.
UP = (
    "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); sys.argv[1:1] = ['up']; "
    "from josefine_cli.main import main; main()"
)


def service(program: str = SERVICE, role: str = "echo") -> Service:
    return Service(role, (sys.executable, "-c", program), {"LEASH": str(LEASH)}, ready_timeout_s=DEADLINE_S)


def small_stack(*services: Service, **changes: object) -> StackOptions:
    return StackOptions(services=services, broker="tansu", partitions=0, **changes)  # type: ignore[arg-type]


def processes(run_dir: Path) -> list[psutil.Process]:
    """Returns the supervisor, its children, and theirs."""
    state = read_state(run_dir / "stack.json")
    assert state is not None
    supervisor = psutil.Process(state.supervisor.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def own(watched: list[psutil.Process], before: list[psutil.Process]) -> list[psutil.Process]:
    """Returns what a stack inside this process has started: not this process, not the stacks of other tests."""
    return [each for each in watched if each.pid != os.getpid() and each not in before]


def assert_all_end(watched: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(watched, timeout=DEADLINE_S)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def detached_options(tmp_path: Path) -> StackOptions:
    return small_stack(service(), run_dir=tmp_path / "run")


def test_everything_is_ready_inside_and_gone_after():
    before = psutil.Process().children(recursive=True)
    with LocalStack(small_stack(service())) as stack:
        found = stack.status()
        watched = processes(stack.run_dir)
        folder = stack.run_dir
    assert [(each.role, each.ready, each.restarts) for each in found.processes] == [
        ("broker", True, 0), ("store", True, 0), ("echo", True, 0)
    ]  # fmt: skip
    (device,) = found.processes[2].devices
    assert device.pid in {process.pid for process in watched}
    assert_all_end(own(watched, before))
    assert not folder.exists()


def test_a_crashed_service_comes_back_and_is_counted():
    came_back = threading.Event()

    def progress(line: str) -> None:
        if "restart 1" in line:
            crashed.set()
        if crashed.is_set() and line == "echo is ready":
            came_back.set()

    crashed = threading.Event()
    with LocalStack(small_stack(service()), progress) as stack:
        before = stack.process("echo").pid
        (orphan,) = psutil.Process(before).children()
        stack.process("echo").kill()
        assert came_back.wait(DEADLINE_S)
        found = stack.status().processes[2]
    assert found.pid != before
    assert (found.ready, found.restarts) == (True, 1)
    assert_all_end([orphan])


def test_a_killed_store_keeps_what_was_written(tmp_path):
    ready = threading.Semaphore(0)

    def progress(line: str) -> None:
        if line == "store is ready":
            ready.release()

    with LocalStack(small_stack(run_dir=tmp_path / "run"), progress) as stack:
        assert ready.acquire(timeout=DEADLINE_S)
        redis = pytest.importorskip("redis")
        redis.Redis.from_url(stack.redis_url).set("session", b"state")
        stack.process("store").kill()
        assert ready.acquire(timeout=DEADLINE_S)
        assert redis.Redis.from_url(stack.redis_url).get("session") == b"state"


def test_bad_configuration_stops_the_stack_with_the_reason():
    program = "import sys; print('JOSEFINE_DEVICE: no such device'); sys.exit(2)"
    with pytest.raises(StartError, match=r"(?s)picky ended with status 2.*JOSEFINE_DEVICE: no such device"):
        LocalStack(small_stack(service(program, "picky"))).start()


def test_a_service_that_always_crashes_at_start_is_given_up():
    lines: list[str] = []
    with pytest.raises(StartError, match="status 7"):
        LocalStack(small_stack(service("raise SystemExit(7)")), lines.append).start()
    assert sum("restart" in line for line in lines) == 2


def test_a_service_that_never_becomes_ready_is_given_up():
    silent = Service("mute", (sys.executable, "-c", "import signal; signal.pause()"), ready_timeout_s=0.2)
    with pytest.raises(StartError, match="mute is not ready"):
        LocalStack(small_stack(silent)).start()


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(StartError, match=r"(?s)ghost ended with status 127.*no-such-program"):
        LocalStack(small_stack(Service("ghost", ("no-such-program",)))).start()


def test_a_paused_process_does_not_hinder_the_stop():
    before = psutil.Process().children(recursive=True)
    with LocalStack(small_stack(replace(service(), stop_timeout_s=0.5))) as stack:
        process = stack.process("echo")
        watched = processes(stack.run_dir)
        process.pause()
    assert process.exit_status() == -signal.SIGKILL
    assert_all_end(own(watched, before))


def test_a_port_in_use_is_named_before_anything_starts(tmp_path):
    (port,) = free_ports(1)
    with LocalStack(small_stack(ports=Ports(redis=port))):
        with pytest.raises(PortInUseError, match=f"port {port} .*--redis-port"):
            LocalStack(small_stack(ports=Ports(redis=port), run_dir=tmp_path / "run")).start()
        assert not (tmp_path / "run" / "logs" / "broker.log").exists()


def test_a_second_stack_in_the_folder_names_the_first_and_leaves_it_alone(tmp_path):
    options = small_stack(run_dir=tmp_path / "run")
    with LocalStack(options) as stack:
        with pytest.raises(AlreadyRunningError, match=f"pid {os.getpid()} "):
            LocalStack(options).start()
        with pytest.raises(AlreadyRunningError):
            stack.start()
        assert all(process.ready for process in stack.status().processes)
    with LocalStack(options):
        pass


def test_a_detached_stack_is_found_and_stopped(tmp_path):
    stack = start_detached(detached_options(tmp_path), lambda _: None)
    try:
        found = attach(stack.run_dir)
        assert found is not None
        assert found.bootstrap_servers == stack.bootstrap_servers
        assert all(process.ready for process in found.status().processes)
        watched = processes(stack.run_dir)
    finally:
        assert stop_running(stack.run_dir) == stack.supervisor_pid
    assert_all_end(watched)
    assert attach(stack.run_dir) is None
    assert status(stack.run_dir).running is False
    assert stop_running(stack.run_dir) is None


def test_a_killed_supervisor_leaves_no_process_behind(tmp_path):
    stack = start_detached(detached_options(tmp_path), lambda _: None)
    watched = processes(stack.run_dir)
    assert len(watched) == 5
    os.kill(stack.supervisor_pid, signal.SIGKILL)
    assert_all_end(watched)
    assert attach(stack.run_dir) is None
    again = start_detached(detached_options(tmp_path), lambda _: None)
    assert stop_running(again.run_dir) == again.supervisor_pid


def test_a_detached_start_that_fails_says_why_and_leaves_nothing(tmp_path):
    options = small_stack(service("raise SystemExit(2)"), run_dir=tmp_path / "run")
    with pytest.raises(LocalError, match="status 2"):
        start_detached(options, lambda _: None)
    assert status(tmp_path / "run").running is False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_up_in_the_foreground_leaves_no_process_behind(tmp_path, number):
    kafka, redis, controller = free_ports(3)
    ports = ["--kafka-port", str(kafka), "--redis-port", str(redis), "--controller-port", str(controller)]
    up = subprocess.Popen(
        [sys.executable, "-c", UP, "--services", "", "--broker", "tansu", *ports],
        env={**os.environ, "JOSEFINE_RUN_DIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert up.stderr is not None
    with up, up.stderr:
        assert any("Ctrl-C stops" in line for line in up.stderr)
        watched = processes(tmp_path)
        up.send_signal(number)
        assert_all_end(watched[1:])
        assert up.wait(DEADLINE_S) == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    assert is_free(kafka)
    assert is_free(redis)


def test_up_interrupted_before_it_is_ready_leaves_no_process_behind(tmp_path):
    program = "import sys; from josefine_local.daemon import main; sys.exit(main())"
    never_ready = Service("mute", (sys.executable, "-c", "import signal; signal.pause()"))
    command = [sys.executable, "-c", program]
    daemon = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert daemon.stdin is not None
    assert daemon.stdout is not None
    with daemon:
        daemon.stdin.write(small_stack(never_ready, run_dir=tmp_path).to_json())
        daemon.stdin.close()
        waited_for = {"broker is ready", "store is ready"}
        while waited_for:
            waited_for.discard(json.loads(daemon.stdout.readline())["progress"])
        watched = processes(tmp_path)
        daemon.terminate()
        assert_all_end(watched)


def test_a_starter_that_is_killed_leaves_no_stack_behind(tmp_path):
    program = (
        "import sys; from josefine_local.detached import start_detached; "
        "from josefine_local.options import StackOptions; "
        "start_detached(StackOptions.from_json(sys.argv[1]), lambda line: print(line, flush=True))"
    )
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    # The service is not ready before the starter is gone: a stack that is would be on its own.
    waits = f"open({str(gate)!r}, 'rb').read(1)\n"
    options = small_stack(service(waits + SERVICE), run_dir=tmp_path).to_json()
    starter = subprocess.Popen([sys.executable, "-c", program, options], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    with starter:
        # The first line tells of the choice of a broker, this one of a process.
        assert any("is ready" in line for line in starter.stdout)
        watched = processes(tmp_path)
        assert len(watched) > 1
        starter.kill()
        # For reading too, so that it does not wait here for a service that may be gone.
        with gate.open("r+b", buffering=0) as opened:
            opened.write(b".")
            assert_all_end(watched)
