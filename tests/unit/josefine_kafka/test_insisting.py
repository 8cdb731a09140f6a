"""Calls at the broker that are repeated while their error passes."""

import time

import pytest
from confluent_kafka import KafkaError, KafkaException

from josefine_kafka.connection import insisting
from josefine_stage.errors import BrokerError, FencedError

ELECTION, FENCE = KafkaError(KafkaError.LEADER_NOT_AVAILABLE), KafkaError(KafkaError._FENCED)


class Answers:
    """Raises the errors in their order, then answers with the seconds that were left."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.left = []

    def __call__(self, left_s):
        self.left.append(left_s)
        if self.errors:
            raise KafkaException(self.errors.pop(0))
        return "answer"


def test_a_passing_error_is_asked_again():
    answers = Answers(ELECTION, ELECTION)
    assert insisting("ask", time.monotonic() + 60, answers, lambda error: error == ELECTION) == "answer"
    assert len(answers.left) == 3
    assert 60 >= answers.left[0] >= answers.left[-1] > 0


def test_another_error_is_raised_by_its_kind():
    with pytest.raises(FencedError, match="ask"):
        insisting("ask", time.monotonic() + 60, Answers(ELECTION, FENCE), lambda error: error == ELECTION)


def test_after_the_deadline_a_passing_error_is_raised():
    answers = Answers(ELECTION)
    with pytest.raises(BrokerError, match="LEADER_NOT_AVAILABLE"):
        insisting("ask", time.monotonic(), answers, lambda _: True)
    assert answers.left[0] > 0, "librdkafka gets a time that it can use"
