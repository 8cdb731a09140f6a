"""`josefine replay`: sessions of the log, heard again by the running engine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from josefine_cli.engine import require_broker
from josefine_cli.errors import CliError
from josefine_cli.interrupts import uninterrupted
from josefine_cli.replay_out import ReplayFormat, ReplayOut
from josefine_cli.replay_progress import replay_progress
from josefine_cli.start_time import moment_of
from josefine_client.collector import Collector
from josefine_client.errors import ClientError, broker_trouble
from josefine_client.replay import REPLAYED_TOPICS
from josefine_client.replay_search import Found, named_sessions, sessions_between
from josefine_client.replayer import IN_FLIGHT, Ports, Replayed, Replayer, ReplayOptions
from josefine_kafka.backlog import StageBacklog
from josefine_kafka.connection import Broker
from josefine_kafka.stretch import LogReader
from josefine_kafka.writers import AcknowledgedWriter
from josefine_wire.topics import AUDIO_FRAMES, AUDIO_RAW, FEATURE_FRAMES, TRANSCRIPTS

PATIENCE_S = 180.0
"""A session without an end is ended by ingest's idle time-out, a minute; then there is as much again for the rest."""
READER_OF = {AUDIO_RAW: "ingest", AUDIO_FRAMES: "feature", FEATURE_FRAMES: "inference", TRANSCRIPTS: "nlu"}
"""The stage that reads a topic."""


@dataclass(frozen=True, slots=True)
class Running:
    """How sessions are replayed and told of."""

    format_: ReplayFormat = ReplayFormat.TABLE
    wait: bool = True
    in_flight: int = IN_FLIGHT
    patience_s: float = PATIENCE_S


def replay(
    session: Annotated[list[str] | None, typer.Option(help="A session; may be repeated.", show_default=False)] = None,
    topic: Annotated[
        str, typer.Option(help=f"Where to begin again: {', '.join(REPLAYED_TOPICS)} (understanding only).")
    ] = AUDIO_RAW,
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            help="All sessions that began since: an ISO time, an age like 30s, 10m, 2h, or beginning.",
            show_default=False,
        ),
    ] = "",
    to: Annotated[str, typer.Option(help="... and not after: as --from. Default: now.", show_default=False)] = "",
    model: Annotated[
        str, typer.Option(help="Another model: its results stand beside the old ones, with ids of their own.")
    ] = "",
    format_: Annotated[ReplayFormat, typer.Option("--format", "-f", help="What to print.")] = ReplayFormat.TABLE,
    wait: Annotated[bool, typer.Option(help="Wait for the results and compare them.")] = True,
    parallel: Annotated[int, typer.Option(min=1, help="Sessions in flight at once.")] = IN_FLIGHT,
    patience: Annotated[float, typer.Option(min=1, help="Seconds without any result before giving up.")] = PATIENCE_S,
) -> None:
    """Reprocess sessions from the log, into the same ids or, with --model, beside them.

    The running engine does it, behind those who speak now. A reader that has seen the results drops them, one that has
    not gets them.
    """
    sessions = tuple(dict.fromkeys(session or ()))
    _check(sessions, topic, from_, to, model)
    now_s = time.time()
    between_ms = (moment_of(from_, now_s, "--from"), moment_of(to or "end", now_s, "--to")) if from_ else None
    if between_ms and between_ms[0] > between_ms[1]:
        raise CliError("--from lies after --to", 2)
    try:
        broker = require_broker()
        with broker_trouble():
            log, now_ms = LogReader(broker), int(now_s * 1000)
            if between_ms:
                found = sessions_between(log, topic, between_ms, model, now_ms)
            else:
                found = named_sessions(log, topic, sessions, model, now_ms)
        failed = run_replay(broker, found, Running(format_, wait, parallel, patience))
    except ClientError as error:
        raise CliError(str(error)) from error
    if failed:
        raise typer.Exit(1)


def _check(sessions: Sequence[str], topic: str, from_: str, to: str, model: str) -> None:
    if bool(sessions) == bool(from_):
        raise CliError("name what to replay: --session ID, or --from TIME [--to TIME]", 2)
    if to and not from_:
        raise CliError("--to needs --from", 2)
    if topic not in REPLAYED_TOPICS:
        raise CliError(f"--topic {topic!r}: there are {', '.join(REPLAYED_TOPICS)}", 2)
    if topic == TRANSCRIPTS and model:
        raise CliError("--model: transcripts are understood anew, not heard; replay from audio.raw", 2)


def run_replay(broker: Broker, found: Found, running: Running) -> bool:
    """Replays what was found and prints what comes of it; returns whether any session failed.

    Raises:
        BrokerTroubleError: the broker failed.
    """
    out = ReplayOut(running.format_)
    out.take_found(found)
    if not found.plans:
        return out.failed
    topic = found.plans[0].source.topic
    with broker_trouble():
        writer, backlog = AcknowledgedWriter(broker), StageBacklog(broker, READER_OF[topic], topic)
    # Connected before the first record is sent: nothing that comes of it is missed.
    collector = Collector.connect(broker) if running.wait else None
    try:
        options = ReplayOptions(running.in_flight, running.patience_s, uninterrupted)
        with replay_progress(len(found.plans)) as progress:
            ports = Ports(LogReader(broker), writer, backlog)
            for event in Replayer(ports, collector, options).replay(found.plans, found.heard):
                progress.take(event)
                if isinstance(event, Replayed):
                    out.take(event)
                elif not running.wait:
                    out.take_resent(event)
    finally:
        out.close()
        writer.close()
        backlog.close()
        if collector is not None:
            collector.close()
    return out.failed
