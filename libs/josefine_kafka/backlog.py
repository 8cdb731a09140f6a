"""How far a stage is behind, seen from outside its group."""

from confluent_kafka import Consumer, TopicPartition

from josefine_kafka.connection import Broker, calling


class StageBacklog:
    """Compares a stage's commits with the end of its topic. Joins no group; one thread."""

    def __init__(self, broker: Broker, stage: str, topic: str) -> None:
        """Asks nothing yet; `stage` as in its group's name."""
        self._timeout_s = broker.timeout_s
        self._topic = topic
        properties = broker.properties(group_id=f"josefine-{stage}", enable_auto_commit=False)
        self._consumer = calling("backlog", lambda: Consumer(properties))
        self._partitions: list[TopicPartition] = []

    def records(self) -> int:
        """Returns how many records the fullest partition holds behind the stage's commit; on Tansu, too few.

        Raises:
            BrokerError: no answer within the deadline.
        """
        if not self._partitions:
            listed = calling("list topics", lambda: self._consumer.list_topics(self._topic, timeout=self._timeout_s))
            self._partitions = [TopicPartition(self._topic, number) for number in listed.topics[self._topic].partitions]
        committed = calling("commits", lambda: self._consumer.committed(self._partitions, timeout=self._timeout_s))
        return max((self._behind(partition) for partition in committed), default=0)

    def _behind(self, committed: TopicPartition) -> int:
        low, high = calling(
            "look up the end", lambda: self._consumer.get_watermark_offsets(committed, timeout=self._timeout_s)
        )
        # Nothing committed (a negative number): the stage begins with what there is.
        return int(high) - max(int(committed.offset), int(low))

    def close(self) -> None:
        """Frees the connection."""
        self._consumer.close()
