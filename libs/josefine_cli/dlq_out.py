"""Dead letters as people and programs read them."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from josefine_cli.record_json import plain
from josefine_client.dead_letters import Letter
from josefine_wire.codec import WireError, decode
from josefine_wire.records import DeadLetter

WIDE = 200
"""Columns where no terminal tells its width: a line a letter."""


class LetterFormat(StrEnum):
    """What `dlq list` writes."""

    TABLE = "table"
    JSON = "json"


def print_letters(letters: Sequence[Letter], format_: LetterFormat) -> None:
    """Prints a line for each letter."""
    if format_ is LetterFormat.JSON:
        for letter in letters:
            line = asdict(letter) | {"failed_at": moment(letter.failed_at_ms)}
            del line["failed_at_ms"]
            print(json.dumps(line, ensure_ascii=False))
        return
    table = Table("id", "stage", "code", "session", "when", "reason")
    for each in letters:
        cells = (each.id, each.stage, each.code, each.session_id or "", moment(each.failed_at_ms), each.reason)
        table.add_row(*(escape(cell) for cell in cells))
    if letters:
        Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def shown_letter(letter: DeadLetter, *, with_bytes: bool) -> dict[str, Any]:
    """Returns the letter as JSON: key as text, `record` the decoded value, or `value` and why it cannot be decoded."""
    key = letter["key"]
    shown = {
        **{name: plain(value, with_bytes=with_bytes) for name, value in letter.items() if name not in {"key", "value"}},
        "failed_at": moment(letter["failed_at"]),
        "key": None if key is None else key.decode("utf-8", "replace"),
    }
    try:
        return {**shown, "record": plain(decode(letter["topic"], letter["value"]), with_bytes=with_bytes)}
    except WireError as error:
        return {**shown, "record": None, "error": str(error), "value": plain(letter["value"], with_bytes=with_bytes)}


def moment(at_ms: int) -> str:
    """Returns a Unix time in milliseconds as ISO 8601, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
