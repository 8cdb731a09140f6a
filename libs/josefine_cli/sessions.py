"""Options of a session that several commands share."""

from dataclasses import dataclass

from josefine_wire.records import SessionConfig, session_config


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What the command line asks of the engine."""

    live: bool = False
    model: str = ""
    multichannel: bool = False

    def config(self) -> SessionConfig:
        """Returns the session's configuration."""
        metadata = {"multichannel": "true"} if self.multichannel else {}
        return session_config("LIVE" if self.live else "RECORDED", model=self.model, metadata=metadata)
