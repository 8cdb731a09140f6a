"""Where in a topic to begin, as people say it. Pure."""

import re
from datetime import datetime
from typing import Final, Literal

from josefine_cli.errors import CliError

UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def start_of(text: str, now_s: float, option: str = "--from") -> Literal["beginning", "end"] | int:
    """Returns beginning, end, or a Unix time in milliseconds.

    Args:
        text: beginning, end, an age (30s, 10m, 2h, 1d), or an ISO 8601 time (local where it names no zone).
        now_s: Unix time from which ages count.
        option: what the message calls it.

    Raises:
        CliError: it is none of these.
    """
    if text == "beginning":
        return "beginning"
    if text == "end":
        return "end"
    if age := _AGE.fullmatch(text):
        return int((now_s - float(age[1]) * UNIT_S[age[2]]) * 1000)
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError as error:
        raise CliError(
            f"{option} {text!r}: not beginning, end, an age like 10m, or a time like 2030-01-31T09:00", 2
        ) from error


def moment_of(text: str, now_s: float, option: str) -> int:
    """Returns a Unix time in milliseconds: beginning is 0, end is now; see start_of for the rest."""
    start = start_of(text, now_s, option)
    if isinstance(start, int):
        return start
    return 0 if start == "beginning" else int(now_s * 1000)
