from hypothesis import given
from hypothesis import strategies as st

from josefine_stage.ledger import Ledger


def test_position_stops_at_the_first_open_record() -> None:
    ledger = Ledger(10)
    for offset in (10, 11, 14):  # offsets may have holes: transaction markers
        ledger.read(offset)
    ledger.finish(14, wrote=True)
    assert ledger.advance() == 10
    assert ledger.beyond(10) == [14]
    ledger.finish(10, wrote=True)
    assert ledger.advance() == 11
    ledger.finish(11, wrote=False)
    assert ledger.advance() == 15
    assert ledger.beyond(15) == []


def test_replayed_records_are_durable_and_never_open() -> None:
    ledger = Ledger(10, done={12})
    assert [ledger.is_durable(offset) for offset in (9, 10, 11, 12)] == [True, False, False, True]
    ledger.read(9)
    assert ledger.in_flight == 0


@given(st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_nothing_is_passed_over_in_any_order_of_completion(order: list[int], writing: set[int]) -> None:
    ledger = Ledger(0)
    for offset in range(12):
        ledger.read(offset)
    finished: set[int] = set()
    for offset in order:
        ledger.finish(offset, wrote=offset in writing)
        finished.add(offset)
        position = ledger.advance()
        assert all(below in finished for below in range(position))
        assert set(ledger.beyond(position)) == {o for o in finished & writing if o >= position}
    assert ledger.advance() == 12
