"""A member that does not come back to its group."""

import pytest

from josefine_kafka.membership import BACK_S, Absence
from josefine_stage.errors import BrokerError


class Group:
    """Members, and a time that is set."""

    def __init__(self) -> None:
        self.names: list[str | None] = []
        self.now_s = 100.0
        self.asked = 0
        self.answers = True

    def members(self) -> list[str | None]:
        self.asked += 1
        if not self.answers:
            raise BrokerError("no answer")
        return self.names

    def absence(self, name: str | None = "one") -> Absence:
        return Absence(self.members, name, lambda: self.now_s)


@pytest.mark.parametrize(("name", "names"), [("one", ["two"]), ("one", []), (None, [])])
def test_a_member_that_is_lost_for_long_does_not_come_back(name: str | None, names: list[str | None]) -> None:
    group = Group()
    group.names = names
    absence = group.absence(name)
    absence.begin()
    group.now_s += BACK_S - 1
    absence.check()
    assert group.asked == 0
    group.now_s += 1
    with pytest.raises(BrokerError, match="does not come back"):
        absence.check()


@pytest.mark.parametrize(("name", "names"), [("one", ["two", "one"]), (None, [None])])
def test_a_member_without_partitions_is_there(name: str | None, names: list[str | None]) -> None:
    group = Group()
    group.names = names
    absence = group.absence(name)
    absence.begin()
    group.now_s += BACK_S
    absence.check()
    absence.check()
    assert group.asked == 1


def test_one_that_was_never_lost_or_is_back_asks_nobody() -> None:
    group = Group()
    absence = group.absence()
    absence.check()
    absence.begin()
    absence.end()
    group.now_s += 2 * BACK_S
    absence.check()
    assert group.asked == 0


def test_while_no_broker_answers_it_is_nobody_s_fault() -> None:
    group = Group()
    group.answers = False
    absence = group.absence()
    absence.begin()
    for _ in range(100):
        group.now_s += 1
        absence.check()
    assert group.asked > 10
