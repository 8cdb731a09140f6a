import os
from dataclasses import replace
from pathlib import Path

from josefine_local.paths import RunDir, cache_dir, default_run_dir
from josefine_local.state import Incarnation, ProcessState, StackState, read_state, write_state
from josefine_local.status import DeviceStatus, ProcessStatus, StackStatus, live_status


def _state(run_dir):
    process = ProcessState("broker", "broker", Incarnation.present(), ready=True, restarts=3, port=9092)
    return StackState(Incarnation.present(), run_dir, "127.0.0.1:9092", "redis://x/0", "exactly_once", "kafka",
                      ready=True, processes=(process,))  # fmt: skip


def test_the_state_file_is_read_as_it_was_written(tmp_path):
    write_state(tmp_path / "stack.json", _state(tmp_path))
    assert read_state(tmp_path / "stack.json") == _state(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["stack.json"]


def test_no_file_and_an_unreadable_file_are_no_state(tmp_path):
    assert read_state(tmp_path / "stack.json") is None
    (tmp_path / "stack.json").write_text('{"supervisor": 1', encoding="utf-8")
    assert read_state(tmp_path / "stack.json") is None


def test_a_reused_pid_is_not_the_process_that_was_meant():
    assert Incarnation.present().alive()
    assert not replace(Incarnation.present(), started_s=1.0).alive()


def test_a_stack_whose_supervisor_is_gone_does_not_run(tmp_path):
    gone = replace(_state(tmp_path), supervisor=Incarnation(os.getpid(), 1.0))
    assert live_status(gone, tmp_path).as_json() == {"running": False, "run_dir": str(tmp_path), "processes": []}


def test_a_living_broker_is_ready_and_counted(tmp_path):
    (process,) = live_status(_state(tmp_path), tmp_path).processes
    assert process == ProcessStatus("broker", os.getpid(), ready=True, restarts=3, port=9092)


def test_devices_are_listed_with_the_process_that_has_them():
    process = ProcessStatus("inference", 5, True, 0, 9103, (DeviceStatus("cpu", 123, 0),))
    document = StackStatus(True, Path("/run"), processes=(process,)).as_json()
    assert document["processes"][0]["devices"] == [{"device": "cpu", "pid": 123, "restarts": 0}]


def test_logs_of_the_run_before_are_kept_once(tmp_path):
    run_dir = RunDir(tmp_path)
    run_dir.create()
    for text in ("first", "second"):
        run_dir.log("nlu").write_text(text, encoding="utf-8")
        run_dir.log("supervisor").write_text(text, encoding="utf-8")
        run_dir.rotate_logs()
    assert sorted(file.name for file in run_dir.logs.iterdir()) == ["nlu.log.1", "supervisor.log"]
    assert (run_dir.logs / "nlu.log.1").read_text(encoding="utf-8") == "second"


def test_folders_follow_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("JOSEFINE_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("JOSEFINE_CACHE_DIR", str(tmp_path / "cache"))
    assert (default_run_dir(), cache_dir()) == (tmp_path / "run", tmp_path / "cache")
