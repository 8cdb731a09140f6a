from hypothesis import given
from hypothesis import strategies as st

from josefine_local.restart import FIRST_DELAY_S, LONGEST_DELAY_S, STABLE_S, RestartHistory


def test_a_first_start_does_not_wait():
    assert RestartHistory().delay_s == 0.0


def test_the_delay_doubles_with_every_failure_in_a_row():
    history = RestartHistory().ended(0.0)
    assert history.delay_s == FIRST_DELAY_S
    assert history.ended(0.0).delay_s == 2 * FIRST_DELAY_S


@given(st.integers(min_value=1, max_value=5_000))
def test_the_delay_is_bounded_and_every_end_is_counted(ends):
    history = RestartHistory()
    for _ in range(ends):
        history = history.ended(0.0)
    assert 0.0 < history.delay_s <= LONGEST_DELAY_S
    assert history.restarts == ends


def test_a_stable_life_is_forgiven_but_stays_counted():
    history = RestartHistory().ended(0.0).ended(0.0).ended(0.0).became_ready(10.0).ended(10.0 + STABLE_S)
    assert (history.restarts, history.in_a_row) == (4, 1)


def test_a_short_life_is_not_forgiven():
    history = RestartHistory().ended(0.0).became_ready(10.0).ended(10.0 + STABLE_S - 1)
    assert history.in_a_row == 2


def test_an_end_before_readiness_is_not_taken_for_a_long_life():
    history = RestartHistory().became_ready(0.0).ended(1.0).ended(1_000.0)
    assert history.in_a_row == 2
