"""Deterministic ids: a replay gives the same, so every reader can drop what it has seen.

A variant (a replay with another model) follows after an @, so that its results stand beside the session's own.
"""


def interim_id(session_id: str, channel: int, segment: int, revision: int) -> str:
    """Returns the id of an INTERIM transcript."""
    return f"{session_id}/{channel}/{segment}/{revision}"


def final_id(session_id: str, channel: int, segment: int, variant: str = "") -> str:
    """Returns the id of a FINAL transcript."""
    return f"{session_id}/{channel}/{segment}/final{_suffix(variant)}"


def end_id(session_id: str, channel: int, variant: str = "") -> str:
    """Returns the id of a channel's END transcript."""
    return f"{session_id}/{channel}/end{_suffix(variant)}"


def flush_id(session_id: str, channel: int, sequence: int, variant: str = "") -> str:
    """Returns the id of a FLUSHED transcript; `sequence` is that of the frame with the mark."""
    return f"{session_id}/{channel}/flush/{sequence}{_suffix(variant)}"


def flush_sequence(flush_id_: str) -> int:
    """Returns the sequence that `flush_id` was given: it grows in the channel."""
    # A session id may hold an @ but no /, a variant may hold both.
    _, _, _, rest = flush_id_.split("/", 3)
    return int(rest.partition("@")[0])


def understanding_id(transcript_id: str) -> str:
    """Returns the id of what nlu says of a FINAL or END transcript."""
    # A session id may hold an @ but no /, a variant may hold both.
    session_id, _, rest = transcript_id.partition("/")
    place, _, variant = rest.partition("@")
    return f"{session_id}/{place.removesuffix('/final')}/nlu{_suffix(variant)}"


def dead_letter_id(stage: str, topic: str, partition: int, offset: int) -> str:
    """Returns the id of a dead letter."""
    return f"{stage}/{topic}/{partition}/{offset}"


def _suffix(variant: str) -> str:
    return f"@{variant}" if variant else ""
