"""`josefine dlq`: the records that a stage could not process, and another try of them."""

import json
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from josefine_cli.dlq_out import LetterFormat, print_letters, shown_letter
from josefine_cli.engine import require_broker
from josefine_cli.errors import CliError
from josefine_cli.replay import Running, run_replay
from josefine_cli.start_time import moment_of
from josefine_client.dead_letters import (
    REQUEUED_HEADER,
    Letter,
    Requeue,
    Wanted,
    requeue_of,
    wanted_letters,
    whole_letters,
)
from josefine_client.errors import ClientError, broker_trouble
from josefine_client.publisher import ACKNOWLEDGE_S
from josefine_client.replay_search import named_sessions
from josefine_kafka.connection import Broker
from josefine_kafka.stretch import LogReader
from josefine_kafka.writers import AcknowledgedWriter
from josefine_wire.topics import DEAD_LETTERS

app = typer.Typer(help="Dead letters: records that a stage could not process.", no_args_is_help=True)

From = Annotated[str, typer.Option("--from", help="Since when: an ISO time, an age like 10m, or beginning.")]
Stage = Annotated[str, typer.Option(help="Only of this stage: ingest, feature, inference, nlu.", show_default=False)]
Code = Annotated[str, typer.Option(help="Only with this code.", show_default=False)]
SessionId = Annotated[str, typer.Option("--session", help="Only of this session.", show_default=False)]


@app.command("list")
def list_letters(
    from_: From = "beginning",
    stage: Stage = "",
    code: Code = "",
    session: SessionId = "",
    format_: Annotated[LetterFormat, typer.Option("--format", "-f", help="What to print.")] = LetterFormat.TABLE,
) -> None:
    """List dead letters, oldest first."""
    print_letters(_letters(require_broker(), from_, Wanted((), stage, code, session)), format_)


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    with_bytes: Annotated[
        bool, typer.Option("--bytes", help="Show bytes fields in base64, not only their length.")
    ] = False,
) -> None:
    """Show a dead letter, with the record where it can be decoded, as one JSON object."""
    broker = require_broker()
    with _readable_trouble():
        letter = next(whole_letters(LogReader(broker).since(DEAD_LETTERS, "beginning"), [id_]), None)
    if letter is None:
        raise CliError(f"no dead letter {id_!r}")
    print(json.dumps(shown_letter(letter, with_bytes=with_bytes), indent=2, ensure_ascii=False))


@app.command()
def requeue(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    all_: Annotated[bool, typer.Option("--all", help="All letters there are.")] = False,
    from_: From = "beginning",
    stage: Stage = "",
    code: Code = "",
    session: SessionId = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait for the results of replayed sessions.")] = True,
) -> None:
    """Process dead letters again: a session's records with their whole session, others each for itself.

    Chosen by --session, --code, --stage or --all, letters of replays and of records that were requeued before are left
    out: the letters of the first try stand for them. What had not failed again is heard again too, into the same ids.
    """
    wanted = Wanted(frozenset(ids or ()), stage, code, session)
    if all_ == (wanted != Wanted(frozenset())):
        raise CliError("name letters: ID..., --session, --code, --stage, or --all", 2)
    broker = require_broker()
    letters = _letters(broker, from_, wanted)
    meant = letters if ids else _first_tries(letters)
    plan = requeue_of(meant)
    if not letters and not ids:
        _say("no dead letter is meant")
    _say_plan(plan)
    failed = _missing(wanted.ids, letters)
    if meant and not dry_run:
        _confirm(yes=yes)
        failed = _requeue(broker, plan, wait=wait) or failed
    if failed:
        raise typer.Exit(1)


@contextmanager
def _readable_trouble() -> Iterator[None]:
    try:
        with broker_trouble():
            yield
    except ClientError as error:
        raise CliError(str(error)) from error


def _letters(broker: Broker, from_: str, wanted: Wanted) -> list[Letter]:
    start_ms = moment_of(from_, time.time(), "--from")
    with _readable_trouble():
        return wanted_letters(LogReader(broker).since(DEAD_LETTERS, start_ms), wanted)


def _missing(ids: Collection[str], letters: Sequence[Letter]) -> bool:
    """Says which letters do not exist; returns whether any does not."""
    missing = sorted(set(ids) - {letter.id for letter in letters})
    for id_ in missing:
        _say(f"no dead letter {id_!r}")
    return bool(missing)


def _first_tries(letters: Sequence[Letter]) -> list[Letter]:
    """Returns the letters whose records had not been sent again; says which are left out."""
    repeats = [f"{letter.id} ({letter.requeued or letter.session_id})" for letter in letters if letter.repeats]
    if repeats:
        _say(f"left out, what they repeat stands for them: {', '.join(repeats)}")
    return [letter for letter in letters if not letter.repeats]


def _say_plan(plan: Requeue) -> None:
    for topic, sessions in plan.sessions.items():
        _say(f"replay from {topic}: {', '.join(sessions)}")
    for letter in plan.records:
        _say(f"write to {letter.topic} again: {letter.id} ({letter.code})")


def _confirm(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise CliError("nobody can be asked here: --yes does it, --dry-run only says what would be done", 2)
    typer.confirm("Do it?", abort=True, err=True)


def _requeue(broker: Broker, plan: Requeue, *, wait: bool) -> bool:
    """Does what the plan says; returns whether any session failed."""
    failed = False
    with _readable_trouble():
        _write_again(broker, [letter.id for letter in plan.records])
        now_ms = int(time.time() * 1000)
        for topic, sessions in plan.sessions.items():
            found = named_sessions(LogReader(broker), topic, sessions, "", now_ms)
            failed = run_replay(broker, found, Running(wait=wait)) or failed
    return failed


def _write_again(broker: Broker, ids: Sequence[str]) -> None:
    """Writes the records of letters to their topics, as they were, with a header that names the letter."""
    if not ids:
        return
    writer = AcknowledgedWriter(broker)
    for record in whole_letters(LogReader(broker).since(DEAD_LETTERS, "beginning"), ids):
        headers = {**record.get("headers", {}), REQUEUED_HEADER: record["id"].encode()}
        writer.send(record["topic"], record["key"], record["value"], headers)
    writer.flush(ACKNOWLEDGE_S)
    writer.close()


def _say(line: str) -> None:
    print(f"josefine: {line}", file=sys.stderr, flush=True)
