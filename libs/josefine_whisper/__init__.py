"""The Whisper model family in torch: weights, tokenizer, batched decoding, word times."""

from josefine_whisper.engine import Engine
from josefine_whisper.errors import CheckpointError, RequestError, UnsupportedError, WhisperError
from josefine_whisper.hypothesis import Hypothesis, Request, WordHypothesis

__all__ = [
    "CheckpointError",
    "Engine",
    "Hypothesis",
    "Request",
    "RequestError",
    "UnsupportedError",
    "WhisperError",
    "WordHypothesis",
]
