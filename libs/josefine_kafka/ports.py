"""The stage runtime's ports on a real broker."""

from collections.abc import Mapping

from josefine_kafka.admin import require_topics
from josefine_kafka.connection import Broker
from josefine_kafka.membership import members
from josefine_kafka.probe import require_transactions
from josefine_kafka.reader import GroupReader
from josefine_kafka.writers import AcknowledgedWriter, AtLeastOnceUnit, Compression, TransactionalUnit
from josefine_stage.errors import StageError
from josefine_stage.handler import Source
from josefine_stage.ports import AssignmentListener, Position, UnitOfWork
from josefine_stage.settings import StageSettings


class KafkaPorts:
    """Opens reader and writers of one stage replica."""

    def __init__(self, stage: str, input_topic: str, settings: StageSettings, compression: Compression = "lz4") -> None:
        """Checks that the broker can do what the settings ask for. `compression` is that of what the stage writes.

        Raises:
            ConfigurationError: topics are missing, or exactly-once is asked of a broker that leaks aborted records.
            BrokerError: no answer within the deadline.
        """
        self._stage = stage
        self._group = f"josefine-{stage}"
        self._member = f"{stage}-{settings.instance_id}"
        self._topic = input_topic
        self._settings = settings
        self._compression = compression
        self._broker = Broker(settings.kafka_bootstrap_servers, settings.kafka_extra, settings.broker_timeout_s)
        self._reader: GroupReader | None = None
        require_topics(self._broker)
        self._transactions = settings.delivery == "exactly_once"
        if self._transactions:
            require_transactions(self._broker)
        self.unit: UnitOfWork = self._open_unit()
        self.loose = AcknowledgedWriter(self._broker)

    def _open_unit(self) -> UnitOfWork:
        if not self._transactions:
            return AtLeastOnceUnit(self._broker, self._commit, self._compression)
        name = f"josefine-{self._stage}-{self._settings.instance_id}"
        return TransactionalUnit(self._broker, name, lambda: self._opened().group_metadata(), self._compression)

    def others_work(self) -> bool:
        """Returns whether the stage's consumer group has members, and none of this replica's name.

        A former life of it still holds partitions, which are nobody else's. Without static membership it cannot be
        told from another.

        Raises:
            StageError: the broker does not say.
        """
        names = members(self._broker, self._group)
        return bool(names) and self._member not in names

    def serve(self) -> None:
        """Takes what the clients that write have to tell, before the runtime does."""
        self.unit.serve()
        self.loose.serve()

    def open_reader(self, listener: AssignmentListener) -> GroupReader:
        """Joins the stage's consumer group."""
        self._reader = GroupReader(
            self._broker,
            self._group,
            self._member,
            self._topic,
            listener,
            session_timeout_ms=self._settings.session_timeout_ms,
            static=self._settings.static_membership,
        )
        return self._reader

    def _commit(self, positions: Mapping[Source, Position]) -> None:
        self._opened().commit(positions)

    def _opened(self) -> GroupReader:
        if self._reader is None:
            raise StageError("the reader is not open")
        return self._reader
