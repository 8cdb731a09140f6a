"""`josefine evaluate`: word error rates and times through the whole stack, against a folder of known recordings."""

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from josefine_cli.bars import PlayMode, bars, unjudged
from josefine_cli.engine import engine_for_call
from josefine_cli.errors import CliError
from josefine_cli.evaluation_tables import as_json, latency_line, score_table
from josefine_cli.listening import Heard, clip_recordings, listen
from josefine_cli.manifest import ReferenceClip, read_manifest
from josefine_cli.progress import Clip, progress_bar, say
from josefine_cli.scoring import ClipScore
from josefine_cli.sessions import SessionOptions
from josefine_client.collector import Collector, patience_for
from josefine_client.errors import ClientError
from josefine_client.player import IN_FLIGHT, Player, PlayOptions
from josefine_client.publisher import Publisher
from josefine_kafka.connection import Broker


class EvaluationMode(StrEnum):
    """Which way the recordings are sent."""

    RECORDED = "recorded"
    LIVE = "live"
    BOTH = "both"

    @property
    def modes(self) -> tuple[PlayMode, ...]:
        """The ways, one by one."""
        return ("recorded", "live") if self is EvaluationMode.BOTH else (self.value,)  # type: ignore[return-value]


def evaluate(
    audio: Annotated[Path, typer.Argument(metavar="FOLDER", help="Recordings and their manifest.jsonl.")],
    mode: Annotated[EvaluationMode, typer.Option(help="How they are sent.")] = EvaluationMode.BOTH,
    kinds: Annotated[str, typer.Option(help="Only these kinds, separated by commas.")] = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every clip's result here.")] = None,
    speed: Annotated[float, typer.Option(min=0.01, help="Audio seconds sent a second in live mode.")] = 1.0,
    live_sessions: Annotated[int, typer.Option(min=1, help="Live sessions at once: as many as keep up.")] = 8,
    model: Annotated[str, typer.Option(help="Acoustic model. Default: the engine's.")] = "",
) -> None:
    """Measure word error rates, word times and latency through the whole stack. Exit status 1 if a bar is missed."""
    wanted = {kind.strip() for kind in kinds.split(",") if kind.strip()}
    clips = [clip for clip in read_manifest(audio) if not wanted or clip.kind in wanted]
    if not clips:
        raise CliError(f"{audio}: no recordings of kind {kinds}", 2)
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise CliError(f"--json {json_file}: there is no folder {json_file.absolute().parent}", 2)
    # The longest first: at live pace it decides how long all of it takes.
    clips.sort(key=lambda clip: -clip.duration_s)
    scores: dict[PlayMode, list[ClipScore]] = {}
    try:
        with engine_for_call(say, model) as broker:
            for each in mode.modes:
                options = SessionOptions(live=each == "live", model=model)
                in_flight = live_sessions if each == "live" else IN_FLIGHT
                limits = PlayOptions(in_flight, patience_for(clips[0].duration_s))
                scores[each] = _scores(broker, clips, options, speed if each == "live" else None, limits)
    except ClientError as error:
        raise CliError(str(error)) from error
    reached = _report(scores)
    if json_file is not None:
        _write(json_file, json.dumps(as_json(scores), ensure_ascii=False, indent=1))
    if not reached:
        raise typer.Exit(1)


def _scores(
    broker: Broker, clips: Sequence[ReferenceClip], options: SessionOptions, speed: float | None, limits: PlayOptions
) -> list[ClipScore]:
    jobs = clip_recordings(clips, options, speed)
    names = {job.session.session_id: Clip(clip.name, clip.duration_s) for clip, job in jobs}
    scores: list[ClipScore] = []
    with (
        progress_bar(names, show_words=options.live) as progress,
        Publisher.connect(broker) as publisher,
        Collector.connect(broker, want_understanding=False) as collector,
        closing(listen(Player(publisher, collector, limits), jobs)) as events,
    ):
        for event in events:
            if isinstance(event, Heard):
                scores.append(event.score)
            else:
                progress.take(event)
    return scores


def _report(scores: dict[PlayMode, list[ClipScore]]) -> bool:
    """Prints the tables; returns whether every bar was reached."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    reached = True
    for mode, of_mode in scores.items():
        console.print(score_table(mode, of_mode))
        for score in of_mode:
            if score.failure is not None:
                print(f"failed: {score.clip.name}: {score.failure}")
        if line := latency_line(of_mode):
            print(line)
        if line := unjudged(mode, of_mode):
            print(line)
        for bar in bars(mode, of_mode):
            print(bar.line())
            reached = reached and bar.reached
    return reached


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"{path}: cannot be written: {error.strerror or error}") from error
