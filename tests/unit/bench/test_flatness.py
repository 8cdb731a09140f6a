from bench.flatness import flatness


def rows(values):
    return [{"a_mib": value} for value in values]


def test_what_stays_is_flat():
    assert flatness(rows([1000.0] * 12), ["a_mib"])["a_mib"].flat


def test_growth_by_more_than_the_share_is_seen():
    judged = flatness(rows([1000.0 + 5 * n for n in range(12)]), ["a_mib"])["a_mib"]
    assert (judged.after_first_sixth, judged.last_sixth, judged.flat) == (1012.5, 1052.5, False)


def test_the_first_sixth_does_not_count():
    assert flatness(rows([100.0, 100.0, *[1000.0] * 10]), ["a_mib"])["a_mib"].flat


def test_small_figures_may_grow_by_the_slack():
    growing = rows([10.0] * 6 + [17.0] * 6)
    assert flatness(growing, ["a_mib"])["a_mib"].flat
    assert not flatness(growing, ["a_mib"], slack=5.0)["a_mib"].flat
