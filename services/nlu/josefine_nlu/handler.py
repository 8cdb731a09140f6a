"""The stage: transcripts -> understanding. It keeps no state between records."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog

from josefine_nlu.records import end_record, segment_record
from josefine_nlu.understanding import Understanding, Understood
from josefine_stage.handler import Input, Output, Progress, Rejection, Snapshot, Step, Turn
from josefine_wire.records import Transcript
from josefine_wire.topics import UNDERSTANDING, channel_key

PROBE_TEXT = "Anna lives in Boston."
"""A real, tiny unit of work: a name to redact and a place to find."""
PROBE_EVERY_S = 30.0
"""An idle stage shows this often that it still works."""

_log = structlog.get_logger()


class NluHandler:
    """Finals in, what they say out; see josefine_stage.handler.Handler."""

    def __init__(
        self, understanding: Understanding, *, batch_texts: int, max_text_chars: int, pending_records: int
    ) -> None:
        self._understanding = understanding
        self._batch_texts = batch_texts
        self._max_text_chars = max_text_chars
        self._pending_records = pending_records
        self._pending: deque[Input[Transcript]] = deque()
        self._ready = self._probe()
        self._worked_at_s = 0.0

    def restore(self, key: str, snapshot: Snapshot | None) -> None:
        """Nothing is kept."""

    def accept(self, inputs: Sequence[Input[Transcript]]) -> None:
        self._pending.extend(inputs)

    def advance(self, turn: Turn) -> Step[Any]:
        batch = self._batch()
        texts = [item for item in batch if self._has_work(item)]
        understood = self._understood(texts) if texts else {}
        if texts:
            self._worked_at_s = turn.now_s
        elif turn.now_s - self._worked_at_s > PROBE_EVERY_S:
            self._ready, self._worked_at_s = self._probe(), turn.now_s
        return Step(progress=[self._progress(item, understood) for item in batch])

    def snapshot(self, key: str) -> Snapshot | None:  # noqa: ARG002 - the protocol's signature
        return None

    def forget(self, keys: Iterable[str]) -> None:
        gone = frozenset(keys)
        self._pending = deque(item for item in self._pending if item.key not in gone)

    def full(self) -> bool:
        return len(self._pending) >= self._pending_records

    def busy(self) -> bool:
        return bool(self._pending)

    def ready(self) -> bool:
        return self._ready

    def status(self) -> Mapping[str, Any]:
        return {"pending_records": len(self._pending)}

    def close(self) -> None:
        self._pending.clear()

    def _batch(self) -> list[Input[Transcript]]:
        """Takes what one turn may cost: so many texts, and so many characters as one text may have."""
        batch: list[Input[Transcript]] = []
        texts = chars = 0
        while self._pending:
            if self._has_work(self._pending[0]):
                texts += 1
                chars += len(self._pending[0].record["text"])
                if texts > self._batch_texts or (texts > 1 and chars > self._max_text_chars):
                    break
            batch.append(self._pending.popleft())
        return batch

    def _has_work(self, item: Input[Transcript]) -> bool:
        record = item.record
        wanted = record["kind"] == "FINAL" and not item.committed and bool(record["text"].strip())
        return wanted and len(record["text"]) <= self._max_text_chars

    def _understood(self, inputs: Sequence[Input[Transcript]]) -> dict[Input[Transcript], Understood | Rejection]:
        try:
            found = self._understanding.understand([item.record["text"] for item in inputs])
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - three foreign libraries on untrusted text: blame the record
            if len(inputs) == 1:
                return {inputs[0]: _failed(inputs[0], error)}
            return {key: value for item in inputs for key, value in self._understood([item]).items()}
        return dict(zip(inputs, found, strict=True))

    def _progress(
        self, item: Input[Transcript], understood: dict[Input[Transcript], Understood | Rejection]
    ) -> Progress[Any]:
        record = item.record
        if item.committed or record["kind"] in {"INTERIM", "FLUSHED"}:
            return Progress(item)
        if record["kind"] == "END":
            return Progress(item, [_output(end_record(record))])
        if len(record["text"]) > self._max_text_chars:
            reason = f"text: {len(record['text'])} characters, the limit is {self._max_text_chars}"
            return Progress(item, rejection=Rejection("text_too_long", reason))
        match understood.get(item):
            case None:
                return Progress(item)
            case Rejection() as rejection:
                return Progress(item, rejection=rejection)
            case found:
                return Progress(item, [_output(segment_record(record, found))])

    def _probe(self) -> bool:
        """Whether the pipeline finds what it must find in a text that we know."""
        (found,) = self._understanding.understand([PROBE_TEXT])
        labels = {span.kind for span in found.entities}
        if "GPE" not in labels:
            _log.error("probe_failed", labels=sorted(labels))
        return "GPE" in labels


def _failed(item: Input[Transcript], error: Exception) -> Rejection:
    # The message of a foreign exception may quote the text: only its type is told.
    kind = type(error).__name__
    _log.warning(
        "text_failed", topic=item.source.topic, partition=item.source.partition, offset=item.offset, error=kind
    )
    return Rejection("nlu_failed", f"text: {kind} in the language pipeline")


def _output(record: Any) -> Output:
    return Output(UNDERSTANDING, channel_key(record["session_id"], record["channel"]), record)
