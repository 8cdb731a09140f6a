"""What a unit of work makes of what librdkafka says, against the broker that librdkafka has for tests."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from deadlines import wait_until

from josefine_kafka import writers
from josefine_kafka.connection import Broker
from josefine_kafka.writers import AcknowledgedWriter, TransactionalUnit
from josefine_stage.errors import UnitAbortedError

THERE = Broker("there", {"test.mock.num.brokers": "1", "allow.auto.create.topics": "true"})
TOPIC = "audio.frames"


class Refusing(Producer):  # type: ignore[misc]
    """Takes nothing as long as a transaction is open of which a record was refused."""

    refuses = False

    def produce(self, *arguments: Any, **more: Any) -> None:
        if self.refuses:
            raise KafkaException(KafkaError(KafkaError._STATE))
        super().produce(*arguments, **more)

    def abort_transaction(self, *arguments: Any) -> None:
        self.refuses = False
        super().abort_transaction(*arguments)


def test_what_the_client_tells_is_taken_though_nothing_is_written() -> None:
    told: list[str] = []
    writer = AcknowledgedWriter(THERE, statistics_interval_ms=20, stats_cb=told.append)
    wait_until(lambda: len(writer.producer) >= 3, within_s=30)
    assert told == []
    writer.serve()
    assert len(told) >= 3
    writer.close()


def test_a_unit_of_which_a_record_was_refused_is_aborted_whatever_is_sent_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writers, "Producer", Refusing)
    unit = TransactionalUnit(THERE, "one", lambda: b"")
    unit.send(TOPIC, b"k", b"first")
    unit._writer.producer.refuses = True
    unit.send(TOPIC, b"k", b"second")
    unit.send(TOPIC, b"k", b"third")
    with pytest.raises(UnitAbortedError, match=f"write {TOPIC}"):
        unit.commit({})
    unit.send(TOPIC, b"k", b"first again")
    unit.commit({})
    unit.close()
