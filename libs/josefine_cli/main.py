"""The command `josefine`: registers the commands, and turns readable errors into one line and a status."""

import signal
import sys

import typer

from josefine_cli import demo, dlq, doctor, evaluate, keys, models, publish, replay, stack, tail, transcribe
from josefine_cli.errors import CliError
from josefine_local.errors import LocalError
from josefine_stage.logs import configure_logging

app = typer.Typer(
    name="josefine",
    help="A self-hosted speech engine on Kafka: speech in, transcripts and understanding out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(transcribe.transcribe)
app.command()(publish.publish)
app.command()(tail.tail)
app.command()(replay.replay)
app.command()(demo.demo)
app.command()(evaluate.evaluate)
app.command()(doctor.doctor)
app.add_typer(models.app, name="models")
app.add_typer(dlq.app, name="dlq")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Runs the command line. Exit status: 0 done, 1 failed, 2 asked for wrongly, 130 interrupted."""
    configure_logging("error", {})
    # Whatever asks this process to end, what it started is stopped in good order; a second time ends it at once,
    # and what runs dies with it. A hangup that nohup has switched off stays so.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        app()
    except (CliError, LocalError) as error:
        print(f"josefine: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
