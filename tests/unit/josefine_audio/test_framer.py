import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from josefine_audio.framer import Framer


@given(pieces=st.lists(st.integers(0, 50), max_size=12), frame=st.integers(1, 20), channels=st.integers(1, 3))
def test_frames_are_equal_and_lose_nothing(pieces: list[int], frame: int, channels: int) -> None:
    signal = np.arange(sum(pieces) * channels, dtype=np.int16).reshape(-1, channels)
    framer = Framer(frame, channels)
    cuts = []
    for piece in np.split(signal, np.cumsum(pieces)[:-1]) if pieces else []:
        cuts += framer.push(piece)
    last = framer.flush()
    assert all(len(cut.samples) == frame for cut in cuts)
    assert len(last.samples) < frame
    position = 0
    for cut in [*cuts, last]:
        assert cut.start_sample == position
        position = cut.end_sample
    np.testing.assert_array_equal(np.concatenate([cut.samples for cut in [*cuts, last]]), signal)


def test_what_follows_a_flush_begins_a_frame() -> None:
    framer = Framer(10, 1)
    framer.push(np.zeros((13, 1), np.int16))
    assert framer.flush().end_sample == 13
    (cut,) = framer.push(np.zeros((10, 1), np.int16))
    assert (cut.start_sample, cut.end_sample) == (13, 23)
