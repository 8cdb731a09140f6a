"""The nodes of a stack's Apache Kafka as tests handle them: stopped, killed, paused, out of room, each by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from josefine_local.errors import DiskError, LocalError
from josefine_local.kafka import KafkaNode
from josefine_local.process import ManagedProcess
from josefine_local.slot import Slot
from josefine_local.small_disk import SmallDisk
from josefine_local.supervisor import Supervisor

if TYPE_CHECKING:
    from josefine_kafka.connection import Broker
    from josefine_kafka.leaders import Placement

DEADLINE_S: Final = 180.0
"""Of every change: a leader that was killed is missed after 4 s, one node takes about 5 s to start, on a busy machine
with slow cores a minute and more."""
T = TypeVar("T")


class BrokerNode:
    """One node. Any thread may call the methods."""

    def __init__(self, node: KafkaNode, supervisor: Supervisor) -> None:
        self.number = node.node_id
        self.role = node.role
        self.address = node.address
        self.paused = False
        """Set by pause and resume."""
        self._node = node
        self._supervisor = supervisor

    @property
    def running(self) -> bool:
        """Whether the node has a process that has become ready; also true of one that is paused."""
        return self._slot.view().ready

    @property
    def disk(self) -> SmallDisk:
        """The node's disk, to be filled and freed.

        Raises:
            DiskError: the stack was started without StackOptions.disk_mib.
        """
        if self._node.disk is None:
            raise DiskError(f"{self.role} has no disk of its own: start the stack with disk_mib")
        return self._node.disk

    def stop(self) -> None:
        """Stops the node in good order, its leaders move away first, and keeps it down until `start`.

        Returns when it has ended; it is killed after its stop_timeout_s.
        """
        self.resume()
        self._slot.hold()
        self._wait("has not stopped", lambda slot: slot.process is None)

    def start(self, timeout_s: float = DEADLINE_S) -> None:
        """Starts the node if it does not run, at once where the supervisor would have waited, until it is ready.

        Raises:
            LocalError: it is not ready in time.
        """
        self._slot.release()
        self.wait_ready(timeout_s)

    def kill(self, *, stay_down: bool = False) -> None:
        """Kills the node (SIGKILL). The supervisor starts it again, with `stay_down` not before `start`.

        Raises:
            LocalError: it does not run.
        """
        process = self._process()
        if stay_down:
            self._slot.hold()
        process.kill()
        self.paused = False
        if stay_down:
            self._wait("has not ended", lambda slot: slot.process is None)

    def pause(self) -> None:
        """Stops the node in its tracks (SIGSTOP): connections stay, nothing answers.

        Raises:
            LocalError: it does not run.
        """
        self._process().pause()
        self.paused = True

    def resume(self) -> None:
        """Lets a paused node go on (SIGCONT); does nothing to another."""
        process, self.paused = self._slot.process, False
        if process is not None:
            process.resume()

    def wait_ready(self, timeout_s: float = DEADLINE_S) -> None:
        """Returns when the node is ready to serve.

        Raises:
            LocalError: it is not in time.
        """
        self._wait("is not ready", lambda slot: slot.view().ready, timeout_s)

    def wait_ended(self, timeout_s: float = DEADLINE_S) -> None:
        """Returns when the node has no process that is ready, as when it gave up for want of room.

        Raises:
            LocalError: it still serves after the time.
        """
        self._wait("still serves", lambda slot: not slot.view().ready, timeout_s)

    @property
    def _slot(self) -> Slot:
        return self._supervisor.slot(self.role)

    def _process(self) -> ManagedProcess:
        process = self._slot.process
        if process is None:
            raise LocalError(f"{self.role} does not run at the moment")
        return process

    def _wait(self, failure: str, wanted: Callable[[Slot], bool], timeout_s: float = DEADLINE_S) -> None:
        if not self._supervisor.wait_for(self.role, wanted, timeout_s):
            raise LocalError(f"{self.role} {failure} after {timeout_s:.0f} s")


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """All nodes, and who leads what. Any thread may call the methods."""

    nodes: tuple[BrokerNode, ...]

    def node(self, number: int) -> BrokerNode:
        """Returns a node by its id, 1 to 3.

        Raises:
            KeyError: there is none.
        """
        return {node.number: node for node in self.nodes}[number]

    def leader_of(self, topic: str, partition: int = 0) -> BrokerNode:
        """Returns the node that leads the partition, after waiting until one that serves does.

        Raises:
            LocalError: nobody does in time.
        """
        return self.node(self._await(topic, partition, lambda place: place.leader in self._serving()).leader)

    def in_sync(self, topic: str, partition: int = 0) -> frozenset[int]:
        """Returns the ids of the nodes that have every acknowledged record of the partition."""
        return self._await(topic, partition, lambda _: True).in_sync

    def wait_in_sync(self, topic: str, partition: int = 0) -> None:
        """Returns when every replica has every acknowledged record of the partition.

        Raises:
            LocalError: one has not in time.
        """
        self._await(topic, partition, lambda place: place.in_sync == set(place.replicas))

    def move_leader(self, topic: str, partition: int = 0) -> BrokerNode:
        """Returns the new leader of the partition, after a restart of the old one in good order.

        All that the old one led moves. Needs a second node in sync.

        Raises:
            LocalError: nobody else leads in time.
        """
        old = self.leader_of(topic, partition)
        old.stop()
        new = self.leader_of(topic, partition)
        old.start()
        return new

    def restore_leader(self, topic: str, partition: int = 0) -> BrokerNode:
        """Returns the preferred leader of the partition once it leads again: a change of leader without a stop.

        Every other partition goes back to its own as well.

        Raises:
            LocalError: it does not lead in time, as when it does not serve.
        """
        from josefine_kafka.leaders import elect_preferred_leaders  # noqa: PLC0415 - as in brokers.py

        self._asking(elect_preferred_leaders)
        return self.node(self._await(topic, partition, lambda place: place.leader == place.replicas[0]).leader)

    def _serving(self) -> set[int]:
        return {node.number for node in self.nodes if node.running and not node.paused}

    def _await(self, topic: str, partition: int, wanted: "Callable[[Placement], bool]") -> "Placement":
        from josefine_kafka.leaders import await_placement  # noqa: PLC0415

        return self._asking(lambda broker: await_placement(broker, topic, partition, wanted))

    def _asking(self, ask: "Callable[[Broker], T]") -> T:
        from josefine_kafka.broker_environment import broker_at  # noqa: PLC0415
        from josefine_stage.errors import StageError  # noqa: PLC0415

        # A paused node accepts connections and never answers: it is not asked.
        serving = ",".join(node.address for node in self.nodes if node.number in self._serving())
        if not serving:
            raise LocalError("no broker serves at the moment")
        try:
            return ask(broker_at(serving, DEADLINE_S))
        except StageError as error:
            raise LocalError(str(error)) from error
