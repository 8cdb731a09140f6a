"""`josefine keys`: the API keys that the gateway knows, in a file or in Redis."""

import secrets
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Protocol

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from josefine_cli.errors import CliError
from josefine_stage.errors import ConfigurationError, StoreError
from josefine_state.api_keys import KEY_BYTES, ApiKey, Scope, digest_of, new_key
from josefine_state.key_file import KeyFile
from josefine_state.key_store import KeyStore
from josefine_state.line import Line

app = typer.Typer(help="API keys of the gateway.", no_args_is_help=True)

File = Annotated[
    Path | None, typer.Option("--file", help="The file of keys, one JSON object a line.", show_default=False)
]
Redis = Annotated[str, typer.Option("--redis", help="The URL of Redis that the gateway uses.", show_default=False)]


class Book(Protocol):
    """Where keys are written down."""

    def all(self) -> list[ApiKey]: ...

    def add(self, key: ApiKey) -> None: ...

    def revoke(self, id_: str) -> bool: ...


@app.command()
def create(
    file: File = None,
    redis: Redis = "",
    id_: Annotated[str, typer.Option("--id", help="Name in logs and lists.", show_default="random")] = "",
    scope: Annotated[list[Scope] | None, typer.Option(help="Repeat for several.", show_default="listen, read")] = None,
    max_sessions: Annotated[int | None, typer.Option(min=1, help="Most sessions at a time.")] = None,
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Most requests in a minute.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Refused after so many days.")] = None,
    sign_callbacks: Annotated[
        bool, typer.Option("--sign-callbacks", help="Make a secret for the signatures of its callbacks too.")
    ] = False,
) -> None:
    """Make a key and print it. It is shown only now: what is kept is its SHA-256.

    With --sign-callbacks a second line has the secret by which receivers check the header josefine-signature.
    """
    secret = new_key()
    callback_secret = secrets.token_urlsafe(KEY_BYTES) if sign_callbacks else None
    try:
        key = ApiKey(
            id=id_ or uuid.uuid4().hex[:12],
            hash=digest_of(secret),
            scopes=tuple(scope or (Scope.LISTEN, Scope.READ)),
            max_sessions=max_sessions,
            requests_per_minute=requests_per_minute,
            expires=None if days is None else datetime.now(UTC).replace(microsecond=0) + timedelta(days=days),
            callback_secret=callback_secret,
        )
    except ValidationError as error:
        raise CliError(_readable(error), 2) from error
    with _book(file, redis) as book:
        book.add(key)
    _say(f"key {key.id}, for {', '.join(key.scopes)}; it is not shown again")
    print(secret)
    if callback_secret is not None:
        print(callback_secret)


@app.command("list")
def list_keys(file: File = None, redis: Redis = "") -> None:
    """List the keys: what they are for, never the keys themselves."""
    with _book(file, redis) as book:
        keys = book.all()
    table = Table("id", "scopes", "sessions", "requests/min", "expires", "state")
    now = datetime.now(UTC)
    for key in keys:
        table.add_row(
            key.id,
            ", ".join(key.scopes),
            _shown(key.max_sessions),
            _shown(key.requests_per_minute),
            "-" if key.expires is None else key.expires.isoformat(timespec="seconds"),
            "revoked" if key.revoked else "good" if key.valid_at(now) else "expired",
        )
    Console().print(table)


@app.command()
def revoke(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As `list` shows them.")],
    file: File = None,
    redis: Redis = "",
) -> None:
    """Revoke keys: every gateway refuses them within seconds, without a restart."""
    with _book(file, redis) as book:
        missing = [id_ for id_ in ids if not book.revoke(id_)]
    if missing:
        raise CliError(f"no key {', '.join(missing)}")


@contextmanager
def _book(file: Path | None, redis: str) -> Iterator[Book]:
    if (file is None) == (not redis):
        raise CliError("say where the keys are: --file PATH or --redis URL", 2)
    try:
        if file is not None:
            yield KeyFile(file)
        else:
            line = Line(redis)
            yield KeyStore(line)
            line.close()
    except ConfigurationError as error:
        raise CliError(str(error), 2) from error
    except StoreError as error:
        raise CliError(str(error)) from error
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from error


def _readable(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}"


def _shown(limit: int | None) -> str:
    return "-" if limit is None else str(limit)


def _say(line: str) -> None:
    print(f"josefine: {line}", file=sys.stderr)
