"""What a child's answer says, checked: a child that is out of its mind must not take its parent with it. Pure."""

import math
from dataclasses import dataclass
from typing import Any, Final

from josefine_inference.hypothesis import Hypothesis
from josefine_inference.messages import ProtocolError, unpack_hypotheses

ANSWERS: Final = {
    "load": frozenset({"loaded", "load_failed"}),
    "probe": frozenset({"probed"}),
    "batch": frozenset({"decoded", "refused", "out_of_memory"}),
}
"""What may be said to a command."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A child's answer to a command."""

    type: str
    seconds: float
    hypotheses: tuple[Hypothesis, ...] = ()
    """One a window, where the batch was decoded."""
    reason: str = ""
    device: str = ""
    """On which device a model was loaded."""
    whole_windows: bool = False
    """Whether a model that was loaded encodes 30 s for each window, however short it is."""


def read_answer(command: str, windows: int, message: dict[str, Any]) -> Answer:
    """Returns the answer to a command, which for a batch had so many windows.

    Raises:
        ProtocolError: no answer to this command, hypotheses too few or too many, or values that are none.
    """
    kind = message["type"]
    if not isinstance(kind, str) or kind not in ANSWERS[command]:
        raise ProtocolError(f"answers {kind!r} to {command}")
    seconds: Any = message.get("seconds")
    reason, device, whole = message.get("reason", ""), message.get("device", ""), message.get("whole_windows", False)
    makes_sense = isinstance(reason, str) and isinstance(device, str) and isinstance(whole, bool)
    if not (_is_number(seconds) and seconds >= 0 and makes_sense):
        raise ProtocolError(f"answers {kind!r} with fields that are none")
    return Answer(kind, seconds, _hypotheses(windows, message) if kind == "decoded" else (), reason, device, whole)


def _hypotheses(windows: int, message: dict[str, Any]) -> tuple[Hypothesis, ...]:
    packed = message.get("hypotheses")
    if not isinstance(packed, list) or len(packed) != windows:
        count = len(packed) if isinstance(packed, list) else "no list of"
        raise ProtocolError(f"answers with {count} hypotheses for {windows} windows")
    try:
        hypotheses = tuple(unpack_hypotheses(packed))
    except (TypeError, ValueError) as error:
        raise ProtocolError("answers with a hypothesis of another shape") from error
    if not all(_makes_sense(hypothesis) for hypothesis in hypotheses):
        raise ProtocolError("answers with a hypothesis whose values are none")
    return hypotheses


def _makes_sense(hypothesis: Hypothesis) -> bool:
    judged = (hypothesis.average_logprob, hypothesis.no_speech_probability, hypothesis.compression_ratio)
    return (
        isinstance(hypothesis.text, str)
        and all(isinstance(value, float) and not math.isnan(value) for value in judged)
        and isinstance(hypothesis.decode_steps, int)
        and isinstance(hypothesis.doubtful, bool)
        and all(
            isinstance(word.text, str)
            and all(_is_number(value) for value in (word.start_s, word.end_s, word.confidence))
            for word in hypothesis.words
        )
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, float | int) and math.isfinite(value)
