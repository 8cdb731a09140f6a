"""The engine: log-mel windows in, hypotheses out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from josefine_whisper import context
from josefine_whisper.decoding import Decoder, Job
from josefine_whisper.encoding import Encoded, WindowEncoder
from josefine_whisper.errors import RequestError
from josefine_whisper.hypothesis import SILENCE, Hypothesis, Request
from josefine_whisper.loading import Dtype, load_model
from josefine_whisper.model import Whisper
from josefine_whisper.rules import SuppressAlways, SuppressFirst, token_budget
from josefine_whisper.tokenizer import WhisperTokenizer
from josefine_whisper.transcript import Transcript
from josefine_whisper.weights import Checkpoint, read
from josefine_whisper.window import HOPS_PER_SECOND, WINDOW_HOPS

FALLBACK_TEMPERATURES: Final = (0.2, 0.4, 0.6, 0.8, 1.0)
"""openai/whisper's ladder behind greedy decoding."""
_MULTILINGUAL_VOCABULARY: Final = 51_865
"""From so many tokens on a checkpoint is multilingual (openai/whisper, model.py)."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One way to decode a request."""

    index: int
    silence_hops: int = context.SILENCE_HOPS
    """Silence to be encoded behind the audio, at least."""
    forced: bool = True
    """With the request's prefix."""
    temperature: float = 0.0


class Engine:
    """A loaded model. One thread at a time; buffers are kept between calls, nothing else is.

    A request's answer depends on the request alone, not on the batch that it came in.
    """

    def __init__(self, model: Whisper, tokenizer: WhisperTokenizer, checkpoint: Checkpoint, *, name: str) -> None:
        self.name = name
        self.mels = model.dimensions.mels
        self.multilingual = model.dimensions.vocabulary >= _MULTILINGUAL_VOCABULARY
        self._tokenizer = tokenizer
        policy = context.policy(model.dimensions)
        self.whole_windows = not policy.short_safe
        """Whether each window costs as much as one of 30 s."""
        self._encoder = WindowEncoder(model.encoder, self.mels, policy)
        self._decoder = Decoder(
            model,
            end_of_text=tokenizer.end_of_text,
            no_speech=tokenizer.no_speech,
            logit_rules=[SuppressAlways(checkpoint, tokenizer.end_of_text), SuppressFirst(checkpoint)],
            alignment_heads=checkpoint.alignment_heads,
        )

    @classmethod
    def load(cls, model: Path, *, name: str, device: str = "cpu", dtype: Dtype = "auto", threads: int = 0) -> "Engine":
        """Returns the engine of a checkpoint's folder (CTranslate2 or Hugging Face), ready to transcribe.

        Args:
            model: Folder with the weights and tokenizer.json.
            name: What the model is called in results.
            device: "cpu", "cuda" or "cuda:N".
            dtype: "auto" is int8 on an x86 CPU, float32 on others, float16 on CUDA.
            threads: For torch's arithmetic in this whole process; 0 leaves torch's choice.

        Raises:
            CheckpointError: The folder holds no readable Whisper checkpoint.
            UnsupportedError: The device or type does not exist here.
        """
        if threads > 0:
            torch.set_num_threads(threads)
        checkpoint = read(model)
        tokenizer = WhisperTokenizer.load(model)
        return cls(load_model(checkpoint, device, dtype), tokenizer, checkpoint, name=name)

    def transcribe(self, requests: Sequence[Request], language: str = "en") -> list[Hypothesis]:
        """Returns one hypothesis a request, in their order; the first pass decodes all requests together.

        Raises:
            RequestError: A window is too long, has the wrong number of mel bands, or the language is unknown.
        """
        for request in requests:
            self._check(request)
        call = _Call(
            encoder=self._encoder,
            decoder=self._decoder,
            tokenizer=self._tokenizer,
            requests=requests,
            prompt=self._tokenizer.prompt(language, multilingual=self.multilingual),
            language=language,
        )
        return call.run()

    def _check(self, request: Request) -> None:
        shape = request.log_mel.shape
        if len(shape) != 2 or shape[1] != self.mels or shape[0] > WINDOW_HOPS:
            raise RequestError(f"log_mel has shape {shape}, want [up to {WINDOW_HOPS}, {self.mels}]")


class _Call:
    """The attempts of one call and what became of them."""

    def __init__(
        self,
        *,
        encoder: WindowEncoder,
        decoder: Decoder,
        tokenizer: WhisperTokenizer,
        requests: Sequence[Request],
        prompt: tuple[int, ...],
        language: str,
    ) -> None:
        self._encoder = encoder
        self._decoder = decoder
        self._tokenizer = tokenizer
        self._requests = requests
        self._prompt = prompt
        self._language = language
        self._steps = [0] * len(requests)
        self._encoded: dict[tuple[int, int], Encoded] = {}
        """By request and silence behind it: however often it is decoded, it is encoded once."""
        self._best: dict[int, Transcript] = {}

    def run(self) -> list[Hypothesis]:
        spoken = [index for index, request in enumerate(self._requests) if len(request.log_mel)]
        attempts = {index: _Attempt(index) for index in spoken}
        self._try(list(attempts.values()))
        # The model may see no reason to go on behind words that were forced on it.
        refused = [index for index in spoken if self._best[index].refused]
        attempts.update({index: replace(attempts[index], forced=False) for index in refused})
        self._try([attempts[index] for index in refused])
        self._fall_back(attempts)
        return [self._hypothesis(index) for index in range(len(self._requests))]

    def _fall_back(self, attempts: dict[int, _Attempt]) -> None:
        """Decodes doubtful finals again: with more silence behind them, then with rising temperature."""
        shortened = [index for index in self._doubtful() if self._encoder.shortens(self._requests[index].log_mel)]
        attempts.update(
            {index: replace(attempts[index], silence_hops=context.MORE_SILENCE_HOPS) for index in shortened}
        )
        self._try([attempts[index] for index in shortened])
        # All rungs of the ladder together: one by one they take three times as long, and every final behind them waits.
        doubtful = self._doubtful()
        self._try([replace(attempts[index], temperature=t) for index in doubtful for t in FALLBACK_TEMPERATURES])

    def _doubtful(self) -> list[int]:
        return [index for index, best in self._best.items() if self._requests[index].fallback and best.quality.doubtful]

    def _try(self, attempts: Sequence[_Attempt]) -> None:
        """Decodes the attempts together and keeps each where it beats what is known."""
        if not attempts:
            return
        self._encode(attempts)
        jobs = [self._job(attempt) for attempt in attempts]
        for attempt, job, decoded in zip(attempts, jobs, self._decoder.decode(jobs), strict=True):
            self._steps[attempt.index] += decoded.steps
            transcript = Transcript.of(decoded, len(job.forced), self._tokenizer)
            known = self._best.get(attempt.index)
            if known is None or transcript.beats(known):
                self._best[attempt.index] = transcript

    def _encode(self, attempts: Sequence[_Attempt]) -> None:
        """Encodes what the attempts listen to and no attempt before has listened to."""
        new = dict.fromkeys((attempt.index, attempt.silence_hops) for attempt in attempts)
        wanted = [key for key in new if key not in self._encoded]
        windows = [(self._requests[index].log_mel, silence_hops) for index, silence_hops in wanted]
        self._encoded.update(zip(wanted, self._encoder.encode(windows), strict=True))

    def _job(self, attempt: _Attempt) -> Job:
        request = self._requests[attempt.index]
        hops = len(request.log_mel)
        prefix = request.prefix if attempt.forced else ()
        return Job(
            encoded=self._encoded[attempt.index, attempt.silence_hops],
            audio_positions=-(-hops // 2),
            context=self._tokenizer.context(request.keyterms, self._decoder.most_context),
            prompt=self._prompt,
            forced=self._tokenizer.encode_words(prefix, self._language),
            budget=token_budget(hops / HOPS_PER_SECOND, self._language),
            temperature=attempt.temperature,
            attend=request.word_times,
        )

    def _hypothesis(self, index: int) -> Hypothesis:
        if index not in self._best:
            return SILENCE
        log_mel = self._requests[index].log_mel
        return self._best[index].hypothesis(self._tokenizer, self._language, log_mel, self._steps[index])
