"""Deterministic ids: a replay gives the same, so every reader can drop what it has seen."""


def interim_id(session_id: str, channel: int, segment: int, revision: int) -> str:
    """Returns the id of an INTERIM transcript."""
    return f"{session_id}/{channel}/{segment}/{revision}"


def final_id(session_id: str, channel: int, segment: int) -> str:
    """Returns the id of a FINAL transcript."""
    return f"{session_id}/{channel}/{segment}/final"


def end_id(session_id: str, channel: int) -> str:
    """Returns the id of a channel's END transcript."""
    return f"{session_id}/{channel}/end"


def understanding_id(transcript_id: str) -> str:
    """Returns the id of what nlu says of a FINAL or END transcript."""
    return f"{transcript_id.removesuffix('/final')}/nlu"


def dead_letter_id(stage: str, topic: str, partition: int, offset: int) -> str:
    """Returns the id of a dead letter."""
    return f"{stage}/{topic}/{partition}/{offset}"
