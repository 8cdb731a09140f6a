"""Moments as the protocol writes them."""

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """Returns an aware moment in ISO 8601, UTC, with milliseconds: 2024-05-12T18:57:13.426Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
