"""What a replay prints: a line for each session that cannot be replayed, then a table or JSON lines of the others."""

import json
import sys
from enum import StrEnum
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from josefine_client.replay import ReplayPlan
from josefine_client.replay_search import Found
from josefine_client.replayer import Replayed, Resent

COLUMNS: Final = ("session", "replay", "model", "finals", "words", "as before", "dead letters", "end")
"""A table has a column for each; JSON lines have more, see `replayed_json`."""


class ReplayFormat(StrEnum):
    """What `replay` writes."""

    TABLE = "table"
    JSON = "json"


class ReplayOut:
    """One a call. `failed` tells whether any session could not be replayed, or not to its end."""

    def __init__(self, format_: ReplayFormat) -> None:
        self.failed = False
        self._json = format_ is ReplayFormat.JSON
        self._table = Table(*COLUMNS)

    def take_found(self, found: Found) -> None:
        """Says what is left out and why."""
        if found.left_out:
            _say(f"{len(found.left_out)} sessions began before --from and are left out: {', '.join(found.left_out)}")
        for session_id, reason in found.refused:
            self._fail(session_id, reason)
        if not found.plans and not found.refused:
            _say("no session begins in this range")

    def take(self, event: Replayed) -> None:
        """Prints, or keeps for the table, what has become of a replay."""
        if event.failure is not None:
            self._fail(event.plan.source.session_id, event.failure)
        self._put(replayed_json(event))

    def take_resent(self, event: Resent) -> None:
        """The same, where nobody waits for results."""
        self._put(resent_json(event))

    def close(self) -> None:
        """Prints the table."""
        if self._table.row_count:
            Console(width=None if sys.stdout.isatty() else 160).print(self._table)

    def _put(self, line: dict[str, Any]) -> None:
        if self._json:
            print(json.dumps(line, ensure_ascii=False), flush=True)
        else:
            self._table.add_row(*(escape(cell) for cell in _row(line)))

    def _fail(self, session_id: str, reason: str) -> None:
        self.failed = True
        _say(f"{session_id}: {reason}")


def resent_json(event: Resent) -> dict[str, Any]:
    """Returns what is known once a session was sent again."""
    return {**_about(event.plan), "records": event.records}


def replayed_json(event: Replayed) -> dict[str, Any]:
    """Returns what has become of a replay; `equal`: every final was there before, with the same text."""
    finals, comparison = event.result.finals(), event.comparison
    models = {final["model"] for final in finals}
    return {
        **_about(event.plan),
        "model": models.pop() if len(models) == 1 else event.plan.model,
        "finals": len(finals),
        "words": sum(len(final["words"]) for final in finals),
        "same": comparison.same,
        "changed": comparison.changed,
        "new": comparison.new,
        "equal": comparison.equal,
        "dead_letters": [letter["id"] for letter in event.refused.dead_letters],
        "end": event.result.reason,
        "failure": event.failure,
    }


def _about(plan: ReplayPlan) -> dict[str, Any]:
    return {
        "session": plan.source.session_id,
        "replay": plan.replay_id,
        "variant": plan.variant,
        "model": plan.model,
    }


def _row(line: dict[str, Any]) -> list[str]:
    """Returns a line's cells; empty where nobody waited for it."""
    as_before = ""
    if "equal" in line:
        counts = {"changed": line["changed"], "new": line["new"]}
        as_before = "yes" if line["equal"] else ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    letters = str(len(line["dead_letters"])) if "dead_letters" in line else ""
    return [
        line["session"],
        line["replay"],
        line["model"],
        *(str(line.get(name, "")) for name in ("finals", "words")),
        as_before,
        letters,
        str(line.get("end") or ""),
    ]


def _say(line: str) -> None:
    print(f"josefine: {line}", file=sys.stderr, flush=True)
