"""The transcript as it grows. Pure."""

from collections import defaultdict
from dataclasses import dataclass, field

from josefine_client.live.events import Final


@dataclass(slots=True)
class Spoken:
    """A session's finals, joined."""

    _texts: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, final: Final) -> None:
        """Takes the next final of its channel."""
        if final.text:
            self._texts[final.channel].append(final.text)

    def transcript(self, channel: int = 0) -> str:
        """Returns all finals of a channel so far, joined by spaces."""
        return " ".join(self._texts.get(channel, ()))
