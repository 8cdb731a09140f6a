from hypothesis import given
from hypothesis import strategies as st

from josefine_stage.position import MAX_DONE, pack, unpack


@given(
    committed=st.integers(0, 2**40),
    back=st.integers(0, 2**20),
    done=st.sets(st.integers(0, 2**30), max_size=MAX_DONE),
)
def test_unpack_returns_what_was_packed(committed: int, back: int, done: set[int]) -> None:
    replay_from = max(committed - back, 0)
    offsets = sorted(committed + offset for offset in done)
    metadata = pack(committed, replay_from, offsets)
    assert len(metadata) <= 4096
    resume = unpack(committed, metadata)
    assert resume is not None
    assert resume.replay_from == replay_from
    assert resume.done == set(offsets)


@given(st.text(max_size=40))
def test_foreign_metadata_never_raises(metadata: str) -> None:
    unpack(7, metadata)


def test_a_broker_that_keeps_no_metadata_is_noticed() -> None:
    assert unpack(7, "") is None
    assert unpack(7, None) is None
