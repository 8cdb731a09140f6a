"""Voice activity against torch's layers."""

import numpy as np
import pytest

from josefine_models.store import fetch
from josefine_speech.vad import WEIGHTS, VoiceActivity, WeightsError

SILENT = np.zeros((1, 2, 128), np.float32)


def padded(samples):
    """The samples with silence before the first window and behind the last."""
    return np.pad(samples, (64, -len(samples) % 512))


def frames_of(samples):
    return np.lib.stride_tricks.sliding_window_view(padded(samples), 576)[::512]


def heard(model, sessions, states):
    """Probabilities and states after the samples of each session; none is looked at as its beginning."""
    bodies = [padded(samples) for samples in sessions]
    places = np.cumsum([64, *map(len, bodies)])[:-1].tolist()
    after = states.copy()
    counts = [len(body) // 512 for body in bodies]
    return model(np.concatenate(bodies), places, counts, [False] * len(sessions), after), after


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


def test_layers_are_torchs(random_weights, recording, kernels):
    probabilities, states = heard(VoiceActivity(random_weights, kernels), [recording], SILENT)
    want, want_states = reference(random_weights, frames_of(recording))
    assert want.std() > 0.02
    np.testing.assert_allclose(probabilities, want, atol=1e-4)
    np.testing.assert_allclose(states, want_states, atol=1e-4)


def test_where_a_session_begins_nothing_was_heard_before(random_weights, recording, kernels):
    model = VoiceActivity(random_weights, kernels)
    loud = recording.copy()
    loud[:64] = 20_000
    silent = recording.copy()
    silent[:64] = 0
    begun, want = SILENT.copy(), SILENT.copy()
    probabilities = model(loud, [64], [3], [True], begun)
    assert probabilities.tobytes() == model(silent, [64], [3], [False], want).tobytes()
    assert begun.tobytes() == want.tobytes()
    assert probabilities.tobytes() != model(loud, [64], [3], [False], SILENT.copy()).tobytes()


def test_sessions_side_by_side_are_each_alone(random_weights, recording, kernels):
    model = VoiceActivity(random_weights, kernels)
    sessions = [
        recording[start : start + length] for start, length in ((0, 9_000), (0, 0), (9_000, 1), (20_000, 28_000))
    ]
    before = np.random.default_rng(3).standard_normal((4, 2, 128)).astype(np.float32)
    probabilities, states = heard(model, sessions, before)
    alone = [heard(model, [samples], before[[i]]) for i, samples in enumerate(sessions)]
    assert probabilities.tobytes() == np.concatenate([p for p, _ in alone]).tobytes()
    assert states.tobytes() == np.concatenate([s for _, s in alone]).tobytes()
    assert states[1].tobytes() == before[1].tobytes()


@pytest.mark.parametrize("counts", [[3] * 200, [400, 1, 0, 100], [7, 6, 6, 7] * 20, [47, 48, 49], [49, 1, 1, 1, 1, 1]])
def test_many_windows_are_the_same_whatever_is_handled_together(random_weights, recording, kernels, counts):
    model = VoiceActivity(random_weights, kernels)
    sound = np.tile(recording, 8)
    ends = 512 * np.cumsum(counts)
    sessions = [sound[end - 512 * count : end] for count, end in zip(counts, ends, strict=True)]
    before = np.random.default_rng(4).standard_normal((len(counts), 2, 128)).astype(np.float32)
    probabilities, states = heard(model, sessions, before)
    alone = [heard(model, [samples], before[[i]]) for i, samples in enumerate(sessions)]
    assert probabilities.tobytes() == np.concatenate([p for p, _ in alone]).tobytes()
    assert states.tobytes() == np.concatenate([s for _, s in alone]).tobytes()


def test_no_windows_leave_the_state(random_weights, kernels):
    state = np.ones((2, 2, 128), np.float32)
    probabilities = VoiceActivity(random_weights, kernels)(np.empty(0, np.int16), [0, 0], [0, 0], [True, False], state)
    assert len(probabilities) == 0
    assert (state == 1).all()


@pytest.mark.parametrize("name", ["conv2.bias", "lstm_cell.weight_hh", "stft_conv.weight"])
def test_a_missing_tensor_is_named(random_weights, name):
    with pytest.raises(WeightsError, match=name):
        VoiceActivity({key: tensor for key, tensor in random_weights.items() if key != name})


@pytest.mark.parametrize(
    ("name", "shape"), [("conv1.weight", (256, 129, 3)), ("conv1.bias", (1,)), ("conv2.weight", (64, 128, 5))]
)
def test_a_tensor_of_another_shape_is_named(random_weights, name, shape):
    with pytest.raises(WeightsError, match=name):
        VoiceActivity({**random_weights, name: np.zeros(shape, np.float32)})


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
def test_published_weights(recording, kernels):
    load_file = pytest.importorskip("safetensors.numpy").load_file
    folder = fetch("silero-vad")
    model = VoiceActivity.load(folder, kernels)
    probabilities, _ = heard(model, [recording], SILENT)
    want, _ = reference(load_file(folder / WEIGHTS), frames_of(recording))
    np.testing.assert_allclose(probabilities, want, atol=1e-4)
    silence, _ = heard(model, [np.zeros(60 * 512, np.int16)], SILENT)
    assert silence.max() < 0.2
