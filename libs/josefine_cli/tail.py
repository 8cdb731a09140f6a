"""`josefine tail`: records of a topic as JSON lines."""

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from josefine_cli.engine import require_broker
from josefine_cli.errors import CliError
from josefine_cli.record_json import json_line
from josefine_cli.start_time import start_of
from josefine_client.errors import ClientError, broker_trouble
from josefine_kafka.tail import TopicTail
from josefine_stage.ports import RawRecord
from josefine_wire.topics import TOPICS

POLL_S = 0.25


def tail(
    topic: Annotated[str, typer.Argument(help=f"One of {', '.join(spec.name for spec in TOPICS)}.")],
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            help="beginning, end, an ISO time, or an age like 30s, 10m, 2h. Default: end, with --session beginning.",
            show_default=False,
        ),
    ] = "",
    session: Annotated[str, typer.Option(help="Only records of this session.")] = "",
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="Stop after so many records.")] = None,
    seconds: Annotated[float | None, typer.Option("--for", min=0.0, help="Stop after so many seconds.")] = None,
    follow: Annotated[bool, typer.Option(help="Wait for more at the end.")] = True,
    with_bytes: Annotated[
        bool, typer.Option("--bytes", help="Show bytes fields in base64, not only their length.")
    ] = False,
) -> None:
    """Print the records of a topic, decoded, one JSON object a line, until Ctrl-C."""
    if topic not in {spec.name for spec in TOPICS}:
        raise CliError(f"no topic {topic!r}: there are {', '.join(spec.name for spec in TOPICS)}", 2)
    start = start_of(from_ or ("beginning" if session else "end"), time.time())
    deadline_s = None if seconds is None else time.monotonic() + seconds
    try:
        with broker_trouble():
            reader = TopicTail(require_broker(), [topic], start)
            try:
                _print(_records(reader, deadline_s, follow=follow), session, count, with_bytes=with_bytes)
            finally:
                reader.close()
    except ClientError as error:
        raise CliError(str(error)) from error
    except BrokenPipeError:
        # `tail ... | head`: the reader has what it wants. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _records(reader: TopicTail, deadline_s: float | None, *, follow: bool) -> Iterator[RawRecord]:
    while deadline_s is None or time.monotonic() < deadline_s:
        yield from reader.poll(POLL_S if deadline_s is None else min(POLL_S, max(deadline_s - time.monotonic(), 0.0)))
        if not follow and reader.at_end():
            return


def _print(records: Iterator[RawRecord], session: str, count: int | None, *, with_bytes: bool) -> None:
    printed = 0
    for raw in records:
        shown = json_line(raw, with_bytes=with_bytes)
        if session and (shown["value"] or {}).get("session_id") != session:
            continue
        print(json.dumps(shown, ensure_ascii=False), flush=True)
        printed += 1
        if printed == count:
            return
