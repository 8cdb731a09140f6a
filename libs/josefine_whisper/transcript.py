"""A finished decode as text: judged, compared, and turned into a hypothesis."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from josefine_whisper import words
from josefine_whisper.checks import Quality, compression_ratio, without_loop
from josefine_whisper.decoding import Decoded
from josefine_whisper.hypothesis import Hypothesis
from josefine_whisper.rules import Stop
from josefine_whisper.tokenizer import WhisperTokenizer


@dataclass(frozen=True, slots=True, eq=False)
class Transcript:
    """Tokens of one decode without a loop at their end, and what they are worth."""

    tokens: list[int]
    logprobs: list[float]
    attention: Tensor | None
    text: str
    quality: Quality
    refused: bool
    """Forced words were given and nothing came behind them."""

    @classmethod
    def of(cls, decoded: Decoded, forced: int, tokenizer: WhisperTokenizer) -> "Transcript":
        """Returns the transcript of a decode whose first `forced` tokens were given."""
        keep = without_loop(decoded.tokens) if decoded.stop is Stop.LOOP else len(decoded.tokens)
        scores = decoded.logprobs[forced:]
        quality = Quality(
            average_logprob=(sum(scores) + decoded.end_logprob) / (len(scores) + 1),
            no_speech_probability=decoded.no_speech_probability,
            compression_ratio=compression_ratio(tokenizer.decode(decoded.tokens)),
            runaway=decoded.stop is not Stop.END_OF_TEXT,
        )
        return cls(
            tokens=decoded.tokens[:keep],
            logprobs=decoded.logprobs[:keep],
            attention=decoded.attention,
            text=tokenizer.decode(decoded.tokens[:keep]).strip(),
            quality=quality,
            refused=forced > 0 and not scores,
        )

    def beats(self, other: "Transcript") -> bool:
        """Returns whether this decode is to be preferred to an earlier one of the same window."""
        return other.refused or self.rank > other.rank

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Greater is better: not doubtful, not stopped, then by mean log-probability."""
        return not self.quality.doubtful, not self.quality.runaway, self.quality.average_logprob

    def hypothesis(
        self, tokenizer: WhisperTokenizer, language: str, log_mel: NDArray[np.float16], steps: int
    ) -> Hypothesis:
        """Returns the engine's answer, with word times where the decode kept its attention."""
        spans = words.split_words(tokenizer, self.tokens, language)
        if self.attention is None:
            timed = words.untimed(spans, self.logprobs)
        else:
            attention = self.attention[: len(self.tokens) + 1].numpy()
            timed = words.timed(spans, self.logprobs, attention, log_mel)
        return Hypothesis(
            text=self.text,
            words=timed,
            average_logprob=self.quality.average_logprob,
            no_speech_probability=self.quality.no_speech_probability,
            compression_ratio=self.quality.compression_ratio,
            decode_steps=steps,
            doubtful=self.quality.doubtful,
        )
