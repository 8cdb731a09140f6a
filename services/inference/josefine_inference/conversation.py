"""One life of a device's child: what it was told, what it has answered, what it is at work on."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from josefine_inference.answers import Answer, read_answer
from josefine_inference.deadlines import BatchDeadline
from josefine_inference.messages import Batch, ProtocolError
from josefine_inference.process import ChildGoneError, ChildOptions, ChildProcess
from josefine_inference.suspects import Tried

WARM_UP_HOPS: Final = 100
"""What a load or a probe decodes."""
MOST_PATIENCE: Final = 2
"""How many deaths of a batch make its deadline longer, each by as much again, while nobody waits for it."""


@dataclass(slots=True)
class Command:
    """A command that was sent and not yet answered."""

    type: str
    model: str
    tried: Tried | None = None
    slot: int = -1
    begun_s: float = 0.0
    """When it became the oldest, which is when the child could begin."""


class Conversation:
    """The commands of one child. It answers in order, so the oldest is the one at work."""

    def __init__(self, options: ChildOptions, deadline: BatchDeadline, now_s: float) -> None:
        self.process = ChildProcess(options)
        self._deadline = deadline
        self._commands: deque[Command] = deque()
        self._models: set[str] = set()
        self._free_slots = list(range(options.slots))
        self._nonsense = ""
        self.quiet_since_s = now_s
        """The last answer, or the start."""

    @property
    def idle(self) -> bool:
        """Whether every command was answered."""
        return not self._commands

    @property
    def oldest(self) -> Command | None:
        """The command at work."""
        return self._commands[0] if self._commands else None

    def has_room(self) -> bool:
        """Whether another batch can be sent: none goes behind one under suspicion, for it would wait for its death."""
        return bool(self._free_slots) and not any(tried.suspect for tried in self.batches())

    def batches(self) -> list[Tried]:
        """Returns the batches without an answer, oldest first."""
        return [command.tried for command in self._commands if command.tried]

    def load(self, model: str, now_s: float) -> None:
        """Tells the child to load a model and to decode something with it."""
        self._models.add(model)
        self._send(Command("load", model), {"type": "load", "model": model}, now_s)

    def probe(self, model: str, now_s: float) -> None:
        """Tells the child to decode something, however small."""
        self._send(Command("probe", model), {"type": "probe", "model": model}, now_s)

    def decode(self, tried: Tried, now_s: float) -> None:
        """Gives the child a batch, and its model first if it has not got it."""
        batch = tried.batch
        if batch.model not in self._models:
            self.load(batch.model, now_s)
        slot = self._free_slots.pop()
        self._send(Command("batch", batch.model, tried, slot), self._written(batch, slot), now_s)

    def answers(self, now_s: float) -> list[tuple[Command, Answer]]:
        """Returns the commands that were answered since the last call, with the answers.

        Raises:
            ChildGoneError: the child has ended, or says what makes no sense; what it answered before was returned.
        """
        if self._nonsense:
            raise ChildGoneError(self._nonsense)
        answered = []
        for message in self.process.pump():
            try:
                answered.append(self._answered(message, now_s))
            except ProtocolError as error:
                self._nonsense = f"child {self.process.pid} {error}"
                break
        if self._nonsense and not answered:
            raise ChildGoneError(self._nonsense)
        return answered

    def _answered(self, message: dict[str, Any], now_s: float) -> tuple[Command, Answer]:
        if not self._commands:
            raise ProtocolError("answers what nobody asked")
        command = self._commands[0]
        answer = read_answer(command.type, len(command.tried.batch.work) if command.tried else 0, message)
        self._commands.popleft()
        if command.slot >= 0:
            self._free_slots.append(command.slot)
        if self._commands:
            self._commands[0].begun_s = now_s
        self.quiet_since_s = now_s
        return command, answer

    def overdue(self, now_s: float, *, patient: bool) -> str | None:
        """Returns what has passed its deadline, for the log. `patient`: nobody waits for it."""
        command = self.oldest
        if command is None:
            return None
        allowed_s = self._allowed_s(command, patient=patient)
        return f"{command.type} took more than {allowed_s:.1f} s" if now_s - command.begun_s > allowed_s else None

    def _allowed_s(self, command: Command, *, patient: bool) -> float:
        if command.type == "load":
            return self._deadline.limits.load_s
        if command.tried is None:
            return self._deadline.seconds(command.model, [WARM_UP_HOPS])
        # A machine that is busy with something else is slow, not hung: the next try gets more time, if it costs nobody.
        patience = 1 + min(command.tried.deaths, MOST_PATIENCE) if patient else 1
        return patience * self._deadline.seconds(command.model, command.tried.batch.windows)

    def _send(self, command: Command, message: dict[str, Any], now_s: float) -> None:
        command.begun_s = now_s
        self._commands.append(command)
        self.process.send(message)

    def _written(self, batch: Batch, slot: int) -> dict[str, Any]:
        offsets = self.process.slots.write(slot, [work.log_mel for work in batch.work])
        work = [
            {
                "offset": offset,
                "hops": len(work.log_mel),
                "mels": work.log_mel.shape[1],
                "prefix": work.prefix,
                "word_times": work.word_times,
                "fallback": work.fallback,
                "keyterms": work.keyterms,
            }
            for offset, work in zip(offsets, batch.work, strict=True)
        ]
        return {"type": "batch", "model": batch.model, "language": batch.language, "slot": slot, "work": work}
