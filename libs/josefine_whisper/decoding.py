"""Greedy decoding of many windows at once: one decoder pass a token for all sequences still open."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from josefine_whisper import quantize
from josefine_whisper.alignment import attention_over_time
from josefine_whisper.batch import Batch, Row, padded
from josefine_whisper.cache import Arena
from josefine_whisper.encoding import Encoded
from josefine_whisper.model import Whisper
from josefine_whisper.rules import LogitRule, Stop, StopAtBudget, StopAtEnd, StopAtLoop, StopRule

CPU_POSITIONS: Final = 12_000
"""Encoder positions of one batch: 8 full windows, 150 MB of keys and values for tiny."""
CUDA_POSITIONS: Final = 400_000
"""The same on a card, where its memory suffices: 76 GiB for large-v3 in float16 with all that is kept, 2.9 for tiny."""
CUDA_FREE_SHARE: Final = 0.5
"""Of a card's memory behind the weights; the other half is the encoder's, and a second child's."""
CUDA_POSITIONS_AT_LOAD: Final = 96_000
"""64 full windows, the largest batch that the service makes by its own settings, 18 GiB for large-v3; the memory grows
with larger ones."""
TOKEN_CACHE_SHARE: Final = 1.25
"""Of a batch's memory over that of the encoder positions, padding among them: what its tokens take."""
_SEED: Final = 0x5EED
"""Sampling is seeded per sequence, so that a decode does not depend on its neighbours or on history."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One sequence to decode."""

    encoded: Encoded
    audio_positions: int
    """Leading positions of `encoded` that hold the request's own audio."""
    prompt: tuple[int, ...]
    """Control tokens; the first is the start of transcript."""
    context: tuple[int, ...]
    """Tokens before that: text from which the model goes on. At most half of its positions."""
    forced: tuple[int, ...]
    """Tokens that the text begins with."""
    budget: int
    """Most tokens after the forced ones."""
    temperature: float = 0.0
    attend: bool = False
    """Whether the attention over time is wanted, for word times; forced tokens are then scored too."""


@dataclass(slots=True, eq=False)
class Decoded:
    """What became of a job."""

    tokens: list[int]
    """Forced and decoded tokens, without the end of text."""
    logprobs: list[float]
    """One a token; 0.0 for forced tokens that were not scored."""
    end_logprob: float
    """Of the end of text; 0.0 when the sequence was stopped."""
    no_speech_probability: float
    stop: Stop
    steps: int
    attention: Tensor | None = field(default=None, repr=False)
    """float32 [tokens + 1, audio positions]: where each token and the end listened."""


class Decoder:
    """Decodes jobs in batches under a memory limit. One thread; keeps its buffers between calls."""

    def __init__(
        self,
        model: Whisper,
        *,
        end_of_text: int,
        no_speech: int | None,
        logit_rules: Sequence[LogitRule],
        alignment_heads: Sequence[tuple[int, int]],
    ) -> None:
        self._model = model
        self._end_of_text = end_of_text
        self._no_speech = no_speech
        self._logit_rules = logit_rules
        self._alignment_heads = alignment_heads
        weight, sizes = model.decoder.positions, model.dimensions
        numbers = TOKEN_CACHE_SHARE * sizes.decoder_layers * 2 * sizes.width
        at_load, self._positions_limit = memory_positions(weight.device, numbers * weight.element_size())
        self._arena = Arena(weight.device, weight.dtype, int(at_load * numbers))

    @property
    def most_context(self) -> int:
        """Tokens of a job's context: half of the positions, as in openai/whisper."""
        return self._model.dimensions.decoder_positions // 2

    @torch.inference_mode()
    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        """Returns one result a job, in the order of the jobs."""
        results: dict[int, Decoded] = {}
        with _without_onednn(self._model.decoder.positions):
            for indices in self._batches(jobs):
                batch = [jobs[index] for index in indices]
                results.update(zip(indices, self._decode_batch(batch), strict=True))
        return [results[index] for index in range(len(jobs))]

    def _batches(self, jobs: Sequence[Job]) -> list[list[int]]:
        """Returns indices of jobs, similar lengths together, cut where the memory limit is reached.

        Those with a context are apart: it may be several times as long as a transcript, and would pad the others. And
        what begins with no words shares a batch with prompts of its own length alone: padding shifts sums, and a final
        is to have the same text whoever else speaks.
        """
        batches: list[list[int]] = []
        used, alike = 0, None
        for index in sorted(range(len(jobs)), key=lambda i: (_company(jobs[i]), len(jobs[i].encoded))):
            positions = padded(len(jobs[index].encoded)) + len(jobs[index].context)
            if not batches or used + positions > self._positions_limit or alike != _company(jobs[index]):
                batches.append([])
                used, alike = 0, _company(jobs[index])
            batches[-1].append(index)
            used += positions
        return batches

    def _decode_batch(self, jobs: Sequence[Job]) -> list[Decoded]:
        self._arena.reset()
        rows = [self._row(number, job) for number, job in enumerate(jobs)]
        heads = self._alignment_heads if any(job.attend for job in jobs) else ()
        batch = Batch.open(self._model, self._arena, rows, [job.encoded for job in jobs], heads)
        hidden = batch.prefill()
        self._score_prompt(batch, hidden)
        finished: dict[int, Decoded] = {}
        hidden, first = hidden[:, -1], True
        while batch.rows:
            chosen, logprobs = self._choose(hidden, batch.rows, first=first)
            self._append(batch, chosen, logprobs, finished)
            if batch.rows:
                hidden, first = batch.step(), False
        return [finished[number] for number in range(len(jobs))]

    def _row(self, number: int, job: Job) -> Row:
        room = self._model.dimensions.decoder_positions - len(job.context) - len(job.prompt) - len(job.forced)
        budget = max(1, min(job.budget, room))
        rules: list[StopRule] = [
            StopAtEnd(self._end_of_text),
            StopAtLoop(),
            StopAtBudget(len(job.forced) + budget),
        ]
        return Row(
            number=number,
            prompt=(*job.context, *job.prompt),
            start=len(job.context),
            tokens=list(job.forced),
            stop_rules=rules,
            temperature=job.temperature,
            generator=torch.Generator().manual_seed(_SEED) if job.temperature > 0.0 else None,
            budget=budget,
            audio_positions=job.audio_positions,
            attend=job.attend,
        )

    def _score_prompt(self, batch: Batch, hidden: Tensor) -> None:
        """Fills in the no-speech probability and, for rows that attend, what the forced tokens would have scored."""
        if self._no_speech is not None:
            starts = torch.stack([hidden[at, row.pad + row.start] for at, row in enumerate(batch.rows)])
            probabilities = self._model.decoder.logits(starts).softmax(-1)[:, self._no_speech].tolist()
            for row, probability in zip(batch.rows, probabilities, strict=True):
                row.no_speech_probability = probability
        for at, row in enumerate(batch.rows):
            row.logprobs = [0.0] * len(row.tokens)
            if row.attend and row.tokens:
                # The state before a token scores it: from the last control token to the last but one forced.
                states = hidden[at, -len(row.tokens) - 1 : -1]
                scores = self._model.decoder.logits(states).log_softmax(-1)
                tokens = torch.tensor(row.tokens, device=scores.device)
                row.logprobs = scores.gather(1, tokens[:, None])[:, 0].tolist()

    def _choose(self, hidden: Tensor, rows: Sequence[Row], *, first: bool) -> tuple[list[int], list[float]]:
        """Returns the next token of each row and its log-probability, of hidden states [B, D]."""
        logits = self._model.decoder.logits(hidden)
        free = torch.tensor([first and not row.tokens for row in rows], device=logits.device)
        for rule in self._logit_rules:
            rule.apply(logits, free)
        best, tokens = logits.max(dim=-1)
        for at, row in enumerate(rows):
            if row.generator is not None:
                tokens[at] = _sample(logits[at], row.temperature, row.generator)
        picked = logits.gather(1, tokens[:, None])[:, 0]
        # In place: a temporary of [B, vocabulary] would be paged in anew at every token.
        total = logits.sub_(best[:, None]).exp_().sum(-1).log_() + best
        chosen: list[int] = tokens.tolist()
        logprobs: list[float] = (picked - total).tolist()
        return chosen, logprobs

    def _append(self, batch: Batch, chosen: list[int], logprobs: list[float], finished: dict[int, Decoded]) -> None:
        """Gives each row its token and takes finished rows out, the last first: a drop moves the last row."""
        for at in reversed(range(len(batch.rows))):
            row = batch.rows[at]
            row.steps += 1
            row.tokens.append(chosen[at])
            row.logprobs.append(logprobs[at])
            stop = next(filter(None, (rule.check(row.tokens) for rule in row.stop_rules)), None)
            if stop is not None:
                ended = stop is Stop.END_OF_TEXT
                attention = self._attention(batch, at) if row.attend else None
                finished[row.number] = Decoded(
                    tokens=row.tokens[:-1] if ended else row.tokens,
                    logprobs=row.logprobs[:-1] if ended else row.logprobs,
                    end_logprob=logprobs[at] if ended else 0.0,
                    no_speech_probability=row.no_speech_probability,
                    stop=stop,
                    steps=row.steps,
                    attention=attention,
                )
                batch.drop(at)

    def _attention(self, batch: Batch, at: int) -> Tensor:
        row = batch.rows[at]
        queries, keys = batch.aligned(at, start=row.pad + len(row.prompt) - 1)
        return attention_over_time(queries, keys[:, : row.audio_positions])


def _company(job: Job) -> tuple[bool, int]:
    """Returns what jobs of one batch have in common."""
    return bool(job.forced), bool(job.context) if job.forced else len(job.context)


def memory_positions(device: torch.device, position_bytes: float) -> tuple[int, int]:
    """Returns for how many encoder positions memory is taken at load, and the most of one batch.

    Called when the weights are on the device. `position_bytes`: of a batch's memory, for each encoder position.
    """
    if device.type != "cuda":
        return CPU_POSITIONS, CPU_POSITIONS
    free_bytes, _ = torch.cuda.mem_get_info(device)
    most = min(CUDA_POSITIONS, int(CUDA_FREE_SHARE * free_bytes / position_bytes))
    return min(CUDA_POSITIONS_AT_LOAD, most), most


@contextmanager
def _without_onednn(like: Tensor) -> Iterator[None]:
    """Keeps oneDNN out of decoder steps in float32 on x86, int8 among them: all that it does there is GELU of a few
    rows, and preparing its kernel takes ten times as long as torch's own. Elsewhere products come from it. The switch
    is the process's: one thread at a time.
    """
    onednn: Any = torch.backends.mkldnn
    before = onednn.enabled
    onednn.enabled = before and not (like.dtype == torch.float32 and quantize.supported())
    try:
        yield
    finally:
        onednn.enabled = before


def _sample(logits: Tensor, temperature: float, generator: torch.Generator) -> int:
    """Returns a token drawn from softmax(logits / temperature), by the Gumbel trick."""
    uniform = torch.rand(logits.shape, generator=generator).clamp_(1e-20, 1.0 - 1e-7).to(logits.device)
    return int((logits / temperature - (-uniform.log()).log()).argmax())
