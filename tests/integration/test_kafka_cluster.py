"""Three nodes of Apache Kafka, one of them killed, stopped, paused and out of room, while two producers write.

One cluster for all tests: each of them leaves it with every node in sync.
"""

import itertools
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import partial

import confluent_kafka as kafka
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
from deadlines import wait_until

from josefine_kafka.connection import Broker
from josefine_kafka.leaders import elect_preferred_leaders
from josefine_local.errors import DiskError, FetchError, MissingError
from josefine_local.options import StackOptions
from josefine_local.small_disk import SmallDisk
from josefine_local.stack import LocalStack
from josefine_stage.errors import BrokerError
from josefine_wire.topics import TOPICS

DEADLINE_S = 60.0
DISK_MIB = 128
PER_TRANSACTION = 5
SOME = 100
"""Records that show that a producer goes on."""
IN_FLIGHT, PACE_S = 20, 0.01
"""Of a producer: without a pace two of them keep every core busy, and the nodes that come back wait for one."""
QUICK = partial(Broker, extra={"socket.timeout.ms": "4000"})
"""Clients as the services have them, which give a node that hangs less time, for the sake of the test's."""

# The first test's time has the start of the three nodes in it, and every node's may take minutes.
pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(900)]


class Writer(threading.Thread, ABC):
    """Writes 0, 1, 2 ... to a topic until it is told to finish, and knows what was acknowledged."""

    def __init__(self, servers: str, topic: str, **properties: str) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[int] = []
        self.topic = topic
        self.producer = kafka.Producer(QUICK(servers).properties(enable_idempotence=True, linger_ms=5, **properties))
        self._finish = threading.Event()
        self._progress = threading.Condition()
        self._failure: BaseException | None = None

    @property
    def key(self) -> bytes:
        return type(self).__name__.encode()

    def run(self) -> None:
        try:
            self.write(self._finish)
        except BaseException as failure:  # noqa: BLE001 - the thread's boundary: await_more and finish raise it
            self._failure = failure

    @abstractmethod
    def write(self, finish: threading.Event) -> None:
        """Produces until `finish` is set, and says by `has` what was acknowledged."""

    def has(self, numbers: list[int]) -> None:
        with self._progress:
            self.acknowledged += numbers
            self._progress.notify_all()

    def await_more(self) -> None:
        """Returns when SOME more records have been acknowledged."""
        with self._progress:
            wanted = len(self.acknowledged) + SOME
            enough = self._progress.wait_for(lambda: len(self.acknowledged) >= wanted or self._failure, DEADLINE_S)
        if self._failure is not None:
            raise self._failure
        assert enough, f"{self.key}: {len(self.acknowledged)} of {wanted} were acknowledged"

    def finish(self) -> list[int]:
        self._finish.set()
        self.join(DEADLINE_S)
        if self._failure is not None:
            raise self._failure
        assert not self.is_alive()
        return self.acknowledged


class Idempotent(Writer):
    """Record by record, acks=all."""

    def write(self, finish: threading.Event) -> None:
        numbers = itertools.count()
        while not finish.wait(PACE_S):
            for _ in range(IN_FLIGHT - len(self.producer)):
                self.producer.produce(self.topic, str(next(numbers)), self.key, on_delivery=self.delivered)
            self.producer.poll(0)
        assert self.producer.flush(DEADLINE_S) == 0

    def delivered(self, error: kafka.KafkaError | None, message: kafka.Message) -> None:
        if error is not None:
            raise kafka.KafkaException(error)
        self.has([int(message.value() or b"")])


class Transactional(Writer):
    """Some records a transaction; of one that had to be aborted the numbers are sent again."""

    def __init__(self, servers: str, topic: str) -> None:
        super().__init__(servers, topic, transactional_id=topic)

    def write(self, finish: threading.Event) -> None:
        self.producer.init_transactions(DEADLINE_S)
        first = 0
        while not finish.wait(PACE_S):
            numbers = list(range(first, first + PER_TRANSACTION))
            if self.commits(numbers):
                self.has(numbers)
                first += PER_TRANSACTION

    def commits(self, numbers: list[int]) -> bool:
        self.producer.begin_transaction()
        for number in numbers:
            self.producer.produce(self.topic, str(number), self.key)
        while True:
            try:
                self.producer.commit_transaction(DEADLINE_S)
            except kafka.KafkaException as error:
                if error.args[0].txn_requires_abort():
                    self.producer.abort_transaction(DEADLINE_S)
                    return False
                if not error.args[0].retriable():
                    raise
            else:
                return True


@pytest.fixture(scope="module")
def refusal() -> str:
    """Why there is no small disk on this machine; empty where there can be one."""
    disk = SmallDisk(1)
    try:
        disk.open()
    except DiskError as error:
        return str(error)
    disk.close()
    return ""


@pytest.fixture(scope="module")
def stack(refusal: str) -> Iterator[LocalStack]:
    options = StackOptions(services=(), broker="kafka", brokers=3, disk_mib=None if refusal else DISK_MIB, partitions=2)
    stack = LocalStack(options)
    try:
        stack.start()
    except (MissingError, FetchError) as error:
        pytest.skip(f"Apache Kafka cannot run here: {error}")
    yield stack
    stack.stop()


@pytest.fixture
def topic(stack: LocalStack, request: pytest.FixtureRequest) -> str:
    """A topic of one partition, so that there is one leader to break."""
    name = request.node.originalname
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    # Once it knows the nodes by their ids: what was sent before that is dropped now and then (_DESTROY_BROKER).
    admin.list_topics(timeout=DEADLINE_S)
    admin.create_topics([NewTopic(name, 1, 3)])[name].result(DEADLINE_S)
    stack.cluster.wait_in_sync(name)
    return name


@pytest.fixture
def writers(stack: LocalStack, topic: str) -> Iterator[tuple[Writer, ...]]:
    """Two producers in the middle of their work; at the end every node has everything, and all of it once."""
    running = (Idempotent(stack.bootstrap_servers, topic), Transactional(stack.bootstrap_servers, topic))
    for writer in running:
        writer.start()
        writer.await_more()
    yield running
    stack.cluster.wait_in_sync(topic)
    expected = {writer.key: writer.finish() for writer in running}
    await_committed(stack, topic, expected)


def await_committed(stack: LocalStack, topic: str, expected: dict[bytes, list[int]]) -> None:
    """Returns when readers see what was acknowledged: a transaction is committed a moment before its marker is."""
    found: dict[bytes, list[int]] = {}

    def holds() -> bool:
        nonlocal found
        found = committed(stack.bootstrap_servers, topic)
        return found == expected

    def wanted() -> str:
        return ", ".join(f"{len(found.get(key, []))} of {len(sent)} from {key!r}" for key, sent in expected.items())

    wait_until(holds, within_s=DEADLINE_S, awaited=wanted)


def committed(servers: str, topic: str) -> dict[bytes, list[int]]:
    """Returns the committed numbers of each producer in the order of the log."""
    consumer = kafka.Consumer({
        "bootstrap.servers": servers, "group.id": "test", "isolation.level": "read_committed",
        "enable.partition.eof": True,
    })  # fmt: skip
    consumer.assign([kafka.TopicPartition(topic, 0, kafka.OFFSET_BEGINNING)])
    found: dict[bytes, list[int]] = {}
    try:
        while (message := consumer.poll(DEADLINE_S)) is not None and message.error() is None:
            found.setdefault(message.key(), []).append(int(message.value()))
        assert message is not None
        assert message.error().code() == kafka.KafkaError._PARTITION_EOF
    finally:
        consumer.close()
    return found


def go_on(writers: tuple[Writer, ...]) -> None:
    for writer in writers:
        writer.await_more()


def test_three_nodes_agree_and_keep_three_copies(stack):
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    nodes = admin.describe_cluster().result(DEADLINE_S).nodes
    assert {f"{node.host}:{node.port}" for node in nodes} == set(stack.bootstrap_servers.split(","))
    topics = admin.list_topics(timeout=DEADLINE_S).topics
    assert {spec.name for spec in TOPICS} <= topics.keys()
    copies = {len(p.replicas) for topic in topics.values() for p in topic.partitions.values()}
    assert copies == {3}
    asked = ConfigResource("topic", TOPICS[0].name)
    settings = admin.describe_configs([asked])[asked].result(DEADLINE_S)
    assert settings["min.insync.replicas"].value == "2"


def test_a_leader_that_is_killed_is_replaced_and_comes_back(stack, topic, writers):
    leader = stack.cluster.leader_of(topic)
    leader.kill()
    assert stack.cluster.leader_of(topic) is not leader
    go_on(writers)
    leader.wait_ready()


def test_a_leader_that_is_stopped_hands_over_and_stays_down_until_it_is_started(stack, topic, writers):
    leader = stack.cluster.leader_of(topic)
    leader.stop()
    assert stack.cluster.leader_of(topic) is not leader
    go_on(writers)
    assert not leader.running
    leader.start()
    stack.cluster.wait_in_sync(topic)
    assert stack.cluster.restore_leader(topic) is leader
    go_on(writers)


def test_leaders_go_back_as_soon_as_they_are_in_sync(stack, topic):
    leader = stack.cluster.leader_of(topic)
    leader.stop()
    with pytest.raises(BrokerError, match="elect leaders"):
        elect_preferred_leaders(Broker(stack.bootstrap_servers, timeout_s=5.0))
    leader.start()
    assert stack.cluster.restore_leader(topic) is leader


def test_a_leader_that_is_paused_does_not_stop_the_others(stack, topic, writers):
    leader = stack.cluster.leader_of(topic)
    leader.pause()
    assert stack.cluster.leader_of(topic) is not leader
    go_on(writers)
    leader.resume()


def test_a_leader_without_room_is_replaced_and_comes_back_when_there_is_some(stack, topic, writers, refusal):
    if refusal:
        pytest.skip(refusal)
    leader = stack.cluster.leader_of(topic)
    leader.disk.fill()
    leader.wait_ended()
    assert stack.cluster.leader_of(topic) is not leader
    go_on(writers)
    leader.disk.make_room()
    leader.start()


def test_one_node_without_room_refuses_and_has_everything_acknowledged_after(refusal):
    if refusal:
        pytest.skip(refusal)
    with LocalStack(StackOptions(services=(), broker="kafka", disk_mib=DISK_MIB, partitions=1)) as stack:
        writer = Idempotent(stack.bootstrap_servers, TOPICS[0].name)
        writer.start()
        writer.await_more()
        node = stack.node()
        node.disk.fill()
        node.wait_ended()
        assert refused(stack.bootstrap_servers, TOPICS[0].name).code() == kafka.KafkaError._MSG_TIMED_OUT
        node.disk.make_room()
        node.start()
        writer.await_more()
        acknowledged = writer.finish()
        await_committed(stack, TOPICS[0].name, {writer.key: acknowledged})


def refused(servers: str, topic: str) -> kafka.KafkaError:
    """Returns why a record that was sent now was not acknowledged."""
    errors: list[kafka.KafkaError] = []
    producer = kafka.Producer({"bootstrap.servers": servers, "message.timeout.ms": 1_000})
    producer.produce(topic, b"0", b"refused", on_delivery=lambda error, _: errors.append(error))
    producer.flush(DEADLINE_S)
    return errors[0]
