"""A running stack: started in this process (LocalStack), or found in a run folder (attach)."""

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from josefine_local.cluster import BrokerNode, KafkaCluster
from josefine_local.errors import AlreadyRunningError, LocalError, StoppedError
from josefine_local.file_lock import holder, try_lock
from josefine_local.options import Delivery, StackOptions
from josefine_local.paths import RunDir, default_run_dir
from josefine_local.plan import Endpoints, Plan, make_plan
from josefine_local.process import ManagedProcess
from josefine_local.slot import SlotView
from josefine_local.state import (
    Incarnation,
    StackState,
    end_orphans,
    process_states,
    read_state,
    write_state,
)
from josefine_local.status import StackStatus, live_status
from josefine_local.supervisor import Supervisor
from josefine_local.temporary import new_folder, remove_leftovers


def silent(_: str) -> None:
    """Progress that nobody reads."""


class RunningStack:
    """A stack that another process runs. Any thread may use it."""

    def __init__(self, state: StackState) -> None:
        self._state = state
        self.run_dir = state.run_dir
        self.bootstrap_servers = state.bootstrap_servers
        self.redis_url = state.redis_url
        self.delivery = state.delivery
        self.broker = state.broker
        self.http_url = state.http_url
        self.supervisor_pid = state.supervisor.pid

    def status(self) -> StackStatus:
        """Returns what runs now."""
        return status(self.run_dir)

    def alive(self) -> bool:
        """Returns whether the supervisor still runs."""
        return self._state.supervisor.alive()


def attach(run_dir: Path | None = None) -> RunningStack | None:
    """Returns the stack that runs in the folder (default: the one of `josefine up`); None if none does or is ready."""
    state = read_state(RunDir(run_dir or default_run_dir()).state_file)
    if state is None or not state.ready or not state.supervisor.alive():
        return None
    return RunningStack(state)


def status(run_dir: Path | None = None) -> StackStatus:
    """Returns what runs in the folder, ready or not."""
    folder = run_dir or default_run_dir()
    return live_status(read_state(RunDir(folder).state_file), folder)


class LocalStack:
    """Starts the processes of a stack and keeps them running until it is stopped, left, or this process ends.

    Whatever way this process ends, SIGKILL included, the children end with it (leash.py). Use it as a context
    manager, or call start and stop; any thread may, one at a time.
    """

    def __init__(self, options: StackOptions | None = None, progress: Callable[[str], None] = silent) -> None:
        self._options = options or StackOptions()
        self._progress = progress
        self._run_dir = RunDir(self._options.run_dir or Path())
        self._lock: int | None = None
        self._plan: Plan | None = None
        self._supervisor: Supervisor | None = None
        self._cluster: KafkaCluster | None = None
        self._state_lock = threading.Lock()
        self._state: StackState | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when every process is ready. On any exception nothing is left running, unless it runs already.

        Raises:
            AlreadyRunningError: it runs.
            LocalError: see josefine_local.errors; the message is for the user.
        """
        if self._supervisor is not None:
            raise AlreadyRunningError(self.run_dir, str(os.getpid()))
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops services, store and broker in this order. A second call does nothing."""
        supervisor, self._supervisor, self._cluster = self._supervisor, None, None
        if supervisor is not None:
            supervisor.stop()
        for node in self._plan.nodes if self._plan else ():
            if node.disk is not None:
                node.disk.close()
        if self._lock is not None:
            self._run_dir.state_file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None
            if self._options.run_dir is None:
                shutil.rmtree(self._run_dir.root, ignore_errors=True)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until the stack ends by itself (a StartError says why) or the time is over; returns whether it has."""
        supervisor = self._running()
        ended = supervisor.wait(timeout_s)
        supervisor.check()
        return ended

    @property
    def run_dir(self) -> Path:
        """Logs and data."""
        return self._run_dir.root

    @property
    def bootstrap_servers(self) -> str:
        """Brokers for clients, host:port."""
        return self._reached().bootstrap_servers

    @property
    def redis_url(self) -> str:
        """The store."""
        return self._reached().redis_url

    @property
    def delivery(self) -> Delivery:
        """What services that use this stack may promise."""
        return self._reached().delivery

    @property
    def broker(self) -> str:
        """kafka, tansu or external."""
        return self._reached().broker

    @property
    def http_url(self) -> str:
        """The gateway; empty where there is none."""
        return self._reached().http_url

    def status(self) -> StackStatus:
        """Returns what runs now."""
        with self._state_lock:
            state = self._state
        return live_status(state, self.run_dir)

    def process(self, role: str) -> ManagedProcess:
        """Returns the present process of a role, to be killed or paused by tests.

        Raises:
            LocalError: it is between two lives.
            KeyError: no such role.
        """
        process = self._running().slot(role).process
        if process is None:
            raise LocalError(f"{role} does not run at the moment")
        return process

    @property
    def cluster(self) -> KafkaCluster:
        """The nodes of Apache Kafka, of which there may be one, to be broken by tests.

        Raises:
            LocalError: the broker is none that can be handled so.
        """
        supervisor, nodes = self._running(), self._planned().nodes
        if not nodes:
            raise LocalError(f"the broker of this stack is {self.broker}: it has no nodes to handle")
        if self._cluster is None:
            self._cluster = KafkaCluster(tuple(BrokerNode(node, supervisor) for node in nodes))
        return self._cluster

    def node(self, number: int = 1) -> BrokerNode:
        """Returns a node of `cluster` by its id: 1, and 2 and 3 where there are three.

        Raises:
            KeyError: there is none.
        """
        return self.cluster.node(number)

    def _start(self) -> None:
        self._take_run_dir()
        # Before the plan, which may fetch for minutes: `status` and `down` are to see this process.
        self._state = StackState(Incarnation.present(), self.run_dir)
        self._write()
        plan = self._plan = make_plan(self._options, self._run_dir, self._progress)
        self._state = replace(
            self._state,
            bootstrap_servers=plan.endpoints.bootstrap_servers,
            redis_url=plan.endpoints.redis_url,
            delivery=plan.endpoints.delivery,
            broker=plan.endpoints.broker,
            http_url=plan.endpoints.http_url,
        )
        self._supervisor = Supervisor(plan.phases, self._run_dir, self._progress, self._changed)
        self._supervisor.start()
        self._write(ready=True)

    def _take_run_dir(self) -> None:
        if self._options.run_dir is None:
            remove_leftovers()
            self._run_dir = new_folder()
        self._run_dir.create()
        self._lock = try_lock(self._run_dir.lock_file)
        before = read_state(self._run_dir.state_file)
        if self._lock is None:
            raise AlreadyRunningError(self.run_dir, holder(self._run_dir.lock_file))
        if before is not None:
            for role in end_orphans(before):
                self._progress(f"ended {role}, left over from pid {before.supervisor.pid}")
        self._run_dir.rotate_logs()

    def _changed(self, views: Sequence[SlotView]) -> None:
        self._write(views=views)

    def _write(self, views: Sequence[SlotView] | None = None, *, ready: bool = False) -> None:
        with self._state_lock:
            if self._state is None:
                return
            if views is not None:
                self._state = replace(self._state, processes=process_states(views))
            self._state = replace(self._state, ready=ready or self._state.ready)
            write_state(self._run_dir.state_file, self._state)

    def _reached(self) -> Endpoints:
        return self._planned().endpoints

    def _planned(self) -> Plan:
        if self._plan is None:
            raise StoppedError("the stack has not been started")
        return self._plan

    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise StoppedError("the stack does not run")
        return self._supervisor
