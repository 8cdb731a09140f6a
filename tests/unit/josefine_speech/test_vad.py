"""Voice activity against torch's layers."""

import numpy as np
import pytest

from josefine_models.store import fetch
from josefine_speech.vad import WEIGHTS, VoiceActivity, WeightsError

SILENT = np.zeros((1, 2, 128), np.float32)


def frames_of(samples):
    whole = np.pad(samples, (64, -len(samples) % 512))
    return np.lib.stride_tricks.sliding_window_view(whole, 576)[::512]


def reference(weights, frames):
    """The layers as silero_vad/tinygrad_model.py has them, window by window, in torch."""
    torch = pytest.importorskip("torch")
    f, w = torch.nn.functional, {name: torch.tensor(np.array(tensor)) for name, tensor in weights.items()}
    cell = torch.nn.LSTMCell(128, 128)
    cell.load_state_dict({name.removeprefix("lstm_cell."): t for name, t in w.items() if name.startswith("lstm")})
    probabilities, state = [], None
    with torch.no_grad():
        for frame in frames:
            x = f.pad(torch.tensor(frame / 32_768, dtype=torch.float32)[None], (0, 64), mode="reflect")[:, None]
            x = f.conv1d(x, w["stft_conv.weight"], stride=128)
            x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
            for name, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
                x = f.relu(f.conv1d(x, w[f"{name}.weight"], w[f"{name}.bias"], stride=stride, padding=1))
            state = cell(x[..., 0], state)
            x = f.conv1d(f.relu(state[0])[..., None], w["final_conv.weight"], w["final_conv.bias"])
            probabilities.append(x.sigmoid().item())
    return np.array(probabilities), torch.stack(state, dim=1).numpy()


def test_layers_are_torchs(random_weights, recording):
    frames = frames_of(recording)
    probabilities, states = VoiceActivity(random_weights)(frames, [len(frames)], SILENT)
    want, want_states = reference(random_weights, frames)
    assert want.std() > 0.02
    np.testing.assert_allclose(probabilities, want, atol=1e-4)
    np.testing.assert_allclose(states, want_states, atol=1e-4)


def test_sessions_side_by_side_are_each_alone(random_weights, recording):
    model = VoiceActivity(random_weights)
    sessions = [
        frames_of(recording[start : start + length]) for start, length in ((0, 9_000), (9_000, 1), (20_000, 28_000))
    ]
    sessions.insert(1, np.empty((0, 576), np.int16))
    counts = [len(frames) for frames in sessions]
    before = np.random.default_rng(3).standard_normal((4, 2, 128)).astype(np.float32)
    probabilities, states = model(np.concatenate(sessions), counts, before)
    alone = [model(frames, [len(frames)], before[[i]]) for i, frames in enumerate(sessions)]
    assert probabilities.tobytes() == np.concatenate([p for p, _ in alone]).tobytes()
    assert states.tobytes() == np.concatenate([s for _, s in alone]).tobytes()
    assert states[1].tobytes() == before[1].tobytes()


@pytest.mark.parametrize("counts", [[3] * 200, [400, 1, 0, 100], [7, 6, 6, 7] * 20, [97, 96, 95]])
def test_many_windows_are_the_same_whatever_is_handled_together(random_weights, recording, counts):
    model = VoiceActivity(random_weights)
    frames = np.concatenate([frames_of(recording)] * 8)[: sum(counts)]
    before = np.random.default_rng(4).standard_normal((len(counts), 2, 128)).astype(np.float32)
    probabilities, states = model(frames, counts, before)
    first = 0
    for count, state, after in zip(counts, before, states, strict=True):
        alone, alone_after = model(frames[first : first + count], [count], state[None])
        assert probabilities[first : first + count].tobytes() == alone.tobytes()
        assert after.tobytes() == alone_after.tobytes()
        first += count


def test_no_windows_leave_the_state(random_weights):
    state = np.ones((2, 2, 128), np.float32)
    probabilities, after = VoiceActivity(random_weights)(np.empty((0, 576), np.int16), [0, 0], state)
    assert len(probabilities) == 0
    assert (after == state).all()


@pytest.mark.parametrize("name", ["conv2.bias", "lstm_cell.weight_hh", "stft_conv.weight"])
def test_a_missing_tensor_is_named(random_weights, name):
    with pytest.raises(WeightsError, match=name):
        VoiceActivity({key: tensor for key, tensor in random_weights.items() if key != name})


def test_another_spectrum_is_refused(random_weights):
    with pytest.raises(WeightsError, match="stft_conv"):
        VoiceActivity({**random_weights, "stft_conv.weight": random_weights["stft_conv.weight"] * 1.1})


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / WEIGHTS).write_bytes(b"RIFF, not safetensors")
    with pytest.raises(WeightsError, match=WEIGHTS):
        VoiceActivity.load(tmp_path)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        VoiceActivity.load(tmp_path)


@pytest.mark.slow
def test_published_weights(recording):
    load_file = pytest.importorskip("safetensors.numpy").load_file
    folder = fetch("silero-vad")
    frames = frames_of(recording)
    probabilities, _ = VoiceActivity.load(folder)(frames, [len(frames)], SILENT)
    want, _ = reference(load_file(folder / WEIGHTS), frames)
    np.testing.assert_allclose(probabilities, want, atol=1e-4)
    silence, _ = VoiceActivity.load(folder)(np.zeros((60, 576), np.int16), [60], SILENT)
    assert silence.max() < 0.2
