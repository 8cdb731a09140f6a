import numpy as np
import pytest
from made_audio import speechlike

from josefine_audio.track import Track


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_the_signal_does_not_depend_on_the_frames_from_a_second_on(rate_hz: int) -> None:
    speech = speechlike(9.1, rate_hz)

    def cut(frame_samples: int) -> np.ndarray:
        track = Track(rate_hz, 1, frame_samples)
        return np.concatenate([each.samples for each in [*track.push(speech, rate_hz), *track.flush()]])

    assert np.array_equal(cut(64_000), cut(16_000))
