"""`josefine demo`: the whole engine on this machine, spoken to by the recordings that ship with it."""

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from josefine_cli.demo_view import DemoView, demo_table, demo_view
from josefine_cli.engine import stack_broker, started_stack
from josefine_cli.errors import CliError
from josefine_cli.listening import Heard, clip_recordings, listen
from josefine_cli.manifest import ReferenceClip, read_manifest
from josefine_cli.progress import say
from josefine_cli.sessions import SessionOptions
from josefine_client.collector import Collector
from josefine_client.errors import ClientError
from josefine_client.player import Player
from josefine_client.publisher import Publisher
from josefine_kafka.connection import Broker

SAMPLES: Final = Path(__file__).parents[2] / "samples"
STAGGER_S: Final = 0.8
"""Between two speakers' first words: people do not begin in step."""


def demo(
    samples: Annotated[Path, typer.Option(help="Recordings and their manifest.jsonl.")] = SAMPLES,
    model: Annotated[str, typer.Option(help="Acoustic model.")] = "",
) -> None:
    """Start everything, speak to it at live pace, show what it hears and understands, and stop everything."""
    clips = read_manifest(samples)
    # Files and pipes have no width of their own; a table needs one.
    console = Console() if sys.stdout.isatty() else Console(width=110)
    begin_s = time.monotonic()
    try:
        with started_stack(say, model) as stack:
            say(f"ready after {time.monotonic() - begin_s:.0f} s: {stack.broker} at {stack.bootstrap_servers}")
            say(f"{len(clips)} people speak at once, each {STAGGER_S} s after the other, through Kafka")
            with demo_view(clips, console) as view:
                heard, wall_s = _speak(stack_broker(stack), clips, model, view)
            console.print(demo_table(heard, wall_s))
            say("stopping everything")
    except ClientError as error:
        raise CliError(str(error)) from error
    say("stopped")
    unheard = [each.score.clip.name for each in heard if not any(each.score.hypotheses)]
    if unheard:
        raise CliError(f"no transcript of {', '.join(unheard)}")


def _speak(broker: Broker, clips: Sequence[ReferenceClip], model: str, view: DemoView) -> tuple[list[Heard], float]:
    """Returns what was heard, in the order of the clips, and how long all of it took."""
    jobs = clip_recordings(clips, SessionOptions(live=True, model=model), 1.0, STAGGER_S)
    view.name({job.session.session_id: clip.name for clip, job in jobs})
    heard: list[Heard] = []
    begin_s = time.monotonic()
    with (
        Publisher.connect(broker) as publisher,
        Collector.connect(broker) as collector,
        closing(listen(Player(publisher, collector), jobs)) as events,
    ):
        for event in events:
            if isinstance(event, Heard):
                heard.append(event)
            else:
                view.take(event)
    order = {clip.name: number for number, clip in enumerate(clips)}
    return sorted(heard, key=lambda each: order[each.score.clip.name]), time.monotonic() - begin_s
