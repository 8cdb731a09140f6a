"""`josefine models`: which models are on this machine, and getting them there."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import josefine_models
from josefine_cli.errors import CliError
from josefine_local.models import DEFAULT_MODELS
from josefine_models import Model, ModelError, ModelMissing

app = typer.Typer(help="Models on this machine.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", show_default=False)]


@app.command("list")
def list_models() -> None:
    """Show the known models and where they are."""
    table = Table("model", "MB", "licence", "here", "about")
    for model in josefine_models.known():
        table.add_row(model.name, f"{model.size_bytes / 1e6:.0f}", model.licence, _place(model.name), model.about)
    Console().print(table)


@app.command()
def fetch(names: Names = None) -> None:
    """Download models by name, or a hub's checkpoint such as openai/whisper-base; none: what the stack needs."""
    for name in names or DEFAULT_MODELS:
        try:
            folder = josefine_models.fetch(name, progress=_progress)
        except ModelError as error:
            raise CliError(str(error)) from error
        print(f"{name}\t{folder}")


@app.command()
def verify(names: Names = None) -> None:
    """Check the files of models against the lock file; none: all that are here."""
    chosen = names or [model.name for model in josefine_models.known() if _here(model)]
    failed = [name for name in chosen if not _verified(name)]
    if failed:
        raise CliError(f"{len(failed)} of {len(chosen)} models failed: {', '.join(failed)}")


def _verified(name: str) -> bool:
    try:
        josefine_models.verify(name)
    except ModelError as error:
        print(f"{name}\t{error}")
        return False
    print(f"{name}\tok")
    return True


def _here(model: Model) -> bool:
    return _place(model.name) != "-"


def _place(name: str) -> str:
    try:
        return str(josefine_models.locate(name))
    except ModelMissing:
        return "-"


def _progress(line: str) -> None:
    print(line, file=sys.stderr)
