"""The thread that writes for all connections."""

import threading

from log_kit import Log, Replica, Writes

from josefine_gateway.bus.writer import Lane, LogWriter, Write
from josefine_stage.errors import BrokerError, StageError
from josefine_wire.topics import AUDIO_RAW

DEADLINE_S = 30.0


class Asked:
    """Writes and what became of them."""

    def __init__(self, writer):
        self._writer = writer
        self._answered = threading.Semaphore(0)
        self.answers = []

    def send(self, lane, value):
        def done(error):
            self.answers.append((value, error is None))
            self._answered.release()

        self._writer.send(Write(lane, AUDIO_RAW, b"s", value, done))

    def wait(self, count):
        for _ in range(count):
            assert self._answered.acquire(timeout=DEADLINE_S)


def values(log):
    return [raw.value for raw in log.since(AUDIO_RAW, 0)]


def test_all_is_written_in_order_and_answered_once():
    log = Log()
    writer = Replica(log).writer
    asked, lane = Asked(writer), Lane()
    for number in range(5):
        asked.send(lane, b"%d" % number)
    writer.start()
    asked.wait(5)
    writer.close()
    assert values(log) == [b"0", b"1", b"2", b"3", b"4"]
    assert asked.answers == [(value, True) for value in values(log)]


def test_a_lane_that_failed_is_not_written_again_and_others_are():
    log = Log()
    replica = Replica(log)
    replica.fates.append("lost")
    asked, failed, sound = Asked(replica.writer), Lane(), Lane()
    replica.writer.start()
    asked.send(failed, b"1")
    asked.wait(1)
    asked.send(failed, b"2")
    asked.send(sound, b"3")
    asked.wait(2)
    replica.writer.close()
    assert values(log) == [b"3"]
    assert asked.answers == [(b"1", False), (b"2", False), (b"3", True)]
    assert isinstance(failed.failed, StageError)


def test_after_a_failure_there_is_another_connection():
    log, made = Log(), []

    class Closing(Writes):
        abandoned = False

        def abandon(self):
            self.abandoned = True

    fates = Replica(log).fates
    fates.append("late")

    def connect():
        made.append(Closing(log, fates))
        return made[-1]

    writer = LogWriter(connect, 1.0)
    asked = Asked(writer)
    writer.start()
    asked.send(Lane(), b"1")
    asked.wait(1)
    asked.send(Lane(), b"2")
    asked.wait(1)
    writer.close()
    assert [each.abandoned for each in made] == [True, False]


def test_a_broker_that_is_not_there_is_an_answer_too():
    def connect():
        raise BrokerError("nobody")

    writer = LogWriter(connect, 1.0)
    asked = Asked(writer)
    writer.start()
    asked.send(Lane(), b"1")
    asked.wait(1)
    assert writer.alive()
    writer.close()
    assert not writer.alive()
    assert asked.answers == [(b"1", False)]


def test_what_is_queued_is_written_before_the_end():
    log = Log()
    writer = Replica(log).writer
    asked = Asked(writer)
    asked.send(Lane(), b"1")
    writer.start()
    writer.close()
    assert values(log) == [b"1"]
