import pytest
from bench.streaming.search import Ask, most_within, run, search


def rows_of(capacity, first, precision=1.1, short_capacity=None):
    def measured(ask: Ask):
        limit = short_capacity if ask.short and short_capacity is not None else capacity
        return {"streams": ask.streams, "short": ask.short, "within": ask.streams <= limit}

    return run(search(first, precision), measured)


@pytest.mark.parametrize("capacity", [1, 2, 3, 5, 16, 17, 33, 100, 257])
@pytest.mark.parametrize("first", [1, 4, 16])
def test_the_most_that_are_served_are_found_within_the_precision(capacity, first):
    rows = rows_of(capacity, first)
    best = most_within(rows)["streams"]
    assert best <= capacity < max(best * 1.1, best + 1) + 1
    assert len(rows) < 16


def test_where_not_one_is_served_none_is_claimed():
    assert most_within(rows_of(0, 16)) is None


def test_a_short_look_alone_claims_nothing():
    rows = rows_of(capacity=10, first=16, short_capacity=40)
    assert most_within(rows)["streams"] <= 10
