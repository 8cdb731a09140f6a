import pytest
import torch

from josefine_whisper.cache import Arena

MORE_THAN_THERE_IS = 1 << 60


@pytest.fixture
def arena() -> Arena:
    return Arena(torch.device("cpu"), torch.float32, 100)


def test_a_larger_batch_has_its_memory_and_the_next_one_like_it_a_block(arena):
    first, second = arena.take(8, 10), arena.take(50)
    first.fill_(1.0)
    second.fill_(2.0)
    assert (first == 1.0).all()
    arena.reset()
    again = arena.take(8, 10), arena.take(50)
    assert again[0].untyped_storage().data_ptr() == again[1].untyped_storage().data_ptr()


def test_a_batch_that_does_not_fit_spoils_no_later_one(arena):
    with pytest.raises(RuntimeError):
        arena.take(MORE_THAN_THERE_IS)
    arena.reset()
    assert arena.take(100).shape == (100,)
