"""`josefine transcribe`: recordings in, transcripts out."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from josefine_cli.engine import engine_for_call
from josefine_cli.errors import CliError
from josefine_cli.output import Format
from josefine_cli.progress import Clip, progress_bar
from josefine_cli.recordings import UnreadableFileError, check_readable, duration_s, recording
from josefine_cli.results_out import ResultsOut
from josefine_cli.sessions import SessionOptions
from josefine_client.collector import Collector, patience_for
from josefine_client.errors import ClientError
from josefine_client.player import IN_FLIGHT, Finished, Player, PlayOptions, Recording
from josefine_client.publisher import Publisher


def transcribe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings of any common format.")],
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.TEXT,
    live: Annotated[bool, typer.Option("--live", help="As if spoken now: interim results, endpoints.")] = False,
    speed: Annotated[
        float | None,
        typer.Option(min=0.01, help="Audio seconds sent a second. Default: 1 with --live, else unlimited."),
    ] = None,
    model: Annotated[str, typer.Option(help="Acoustic model, e.g. tiny.en. Default: the engine's.")] = "",
    multichannel: Annotated[
        bool, typer.Option("--multichannel", "--channels", help="Keep channels apart instead of mixing them.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", file_okay=False, help="Folder for one file a recording.")
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Recordings in flight at once.")] = IN_FLIGHT,
    patience: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="Seconds without any result before giving up. Default: 60, and a second for each 50 of the longest.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Transcribe recordings with the running engine, or with one started for this call."""
    if len(files) > 1 and format_ in (Format.SRT, Format.VTT) and output is None:
        raise CliError(f"{format_.value} of several files needs --output FOLDER: captions cannot share a stream", 2)
    out = ResultsOut(files, format_, output)
    options = SessionOptions(live=live, model=model, multichannel=multichannel)
    pace = speed or (1.0 if live else None)
    jobs = {index: recording(files[index], options.config(), pace) for index in _readable(files, out)}
    if jobs:
        clips = {index: Clip(files[index].name, duration_s(files[index])) for index in jobs}
        longest_s = max(clip.length_s or 0.0 for clip in clips.values())
        _transcribe(clips, jobs, PlayOptions(parallel, patience or patience_for(longest_s)), out)
    if out.failed:
        raise typer.Exit(1)


def _readable(files: Sequence[Path], out: ResultsOut) -> Iterator[int]:
    """Yields the files that can be sent; says what is wrong with the others."""
    for index, path in enumerate(files):
        try:
            check_readable(path)
        except UnreadableFileError as error:
            out.refuse(index, error.reason)
        else:
            yield index


def _transcribe(clips: dict[int, Clip], jobs: dict[int, Recording], options: PlayOptions, out: ResultsOut) -> None:
    """Plays the jobs; they and their clips are numbered as the files are."""
    index_of = {job.session.session_id: index for index, job in jobs.items()}
    config = next(iter(jobs.values())).session.config
    show_words, model = config["mode"] == "LIVE", config["model"]
    try:
        with (
            progress_bar({key: clips[index] for key, index in index_of.items()}, show_words=show_words) as progress,
            engine_for_call(progress.say, model) as broker,
            Publisher.connect(broker) as publisher,
            Collector.connect(broker) as collector,
            closing(Player(publisher, collector, options).play(list(jobs.values()))) as events,
        ):
            for event in events:
                progress.take(event)
                if isinstance(event, Finished):
                    out.take(index_of[event.recording.session.session_id], event)
    except ClientError as error:
        raise CliError(str(error)) from error
