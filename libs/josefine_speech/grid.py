"""Which mel columns and voice-activity windows a stream of samples gives, and which samples they need. Pure.

Mel column (hop) t is centred on sample 160 t and covers [160 t - 200, 160 t + 200), as torch.stft(center=True)
does it: before the first sample the signal is reflected, behind the last one it goes on as silence. Window w of
voice activity covers [512 w, 512 w + 512) and sees 64 samples before it.
"""

from typing import Final

from josefine_wire.positions import HOP_SAMPLES, VAD_WINDOW_SAMPLES

MEL_WINDOW_SAMPLES: Final = 400
"""25 ms, n_fft of Whisper (openai/whisper, audio.py)."""
MEL_HALF_SAMPLES: Final = MEL_WINDOW_SAMPLES // 2
VAD_CONTEXT_SAMPLES: Final = 64
"""Samples of the window before that Silero VAD sees again."""
VAD_STATE: Final = 128
"""Outputs of Silero's cell; the state of a stream is these and as many numbers of memory."""
END_PADDING_SAMPLES: Final = 512
"""Silence that completes every column and window of a stream that ends, also one of a single sample: the last
window lacks at most 511 samples, the last column 200, and the reflection at the start needs 201 in all."""


def hops_ready(samples: int) -> int:
    """Returns how many mel columns a stream's first `samples` samples complete while more may follow.

    Column 0 needs one sample more than its right half: reflection does not repeat the first sample.
    """
    return 0 if samples <= MEL_HALF_SAMPLES else (samples - MEL_HALF_SAMPLES) // HOP_SAMPLES + 1


def hops_total(samples: int) -> int:
    """Returns how many mel columns a stream has that ends after `samples` samples; never less than are ready."""
    return -(-samples // HOP_SAMPLES)


def windows_ready(samples: int) -> int:
    """Returns how many voice-activity windows a stream's first `samples` samples complete."""
    return samples // VAD_WINDOW_SAMPLES


def windows_total(samples: int) -> int:
    """Returns how many voice-activity windows a stream has that ends after `samples` samples."""
    return -(-samples // VAD_WINDOW_SAMPLES)


def needed_from(samples: int) -> int:
    """Returns the first of a stream's `samples` samples that columns and windows to come will look at.

    At most 575 samples back. Columns 0 and 1 reach before the stream's start and need its first samples.
    """
    mel = HOP_SAMPLES * hops_ready(samples) - MEL_HALF_SAMPLES
    voice = VAD_WINDOW_SAMPLES * windows_ready(samples) - VAD_CONTEXT_SAMPLES
    return max(0, min(mel, voice))
