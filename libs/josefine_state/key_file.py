"""API keys in a file: one JSON object a line; empty lines and those that begin with # do not count."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from josefine_stage.errors import ConfigurationError
from josefine_state.api_keys import ApiKey

PRIVATE: Final = 0o600


class KeyFile:
    """The file as a list of keys that can grow, and whose keys can be revoked. One writer at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[ApiKey]:
        """Returns the keys in the order of the file; none where there is no file.

        Raises:
            ConfigurationError: the file cannot be read; names the line.
        """
        return read_keys(self._path) if self._path.exists() else []

    def add(self, key: ApiKey) -> None:
        """Appends a key; makes the file, for this user only, where there is none.

        Raises:
            ConfigurationError: a key has the id already, or the file cannot be read.
            OSError: it cannot be written.
        """
        if any(known.id == key.id for known in self.all()):
            raise ConfigurationError(f"there is a key {key.id!r} already")
        opened = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE)
        with os.fdopen(opened, "a", encoding="utf-8") as file:
            file.write(f"{self._line_break()}{key.as_line()}\n")

    def revoke(self, id_: str) -> bool:
        """Marks a key as revoked, in one step for whoever reads; returns whether there is one of that id."""
        if all(key.id != id_ for key in self.all()):
            return False
        self._replace(_revoked(self._path.read_text("utf-8").splitlines(), id_))
        return True

    def _line_break(self) -> str:
        """Returns what the last line lacks."""
        text = self._path.read_bytes()
        return "\n" if text and not text.endswith(b"\n") else ""

    def _replace(self, lines: Iterable[str]) -> None:
        path = self._path.resolve()
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False, encoding="utf-8") as new:
            new.writelines(f"{line}\n" for line in lines)
        shutil.copymode(path, new.name)
        Path(new.name).replace(path)


def read_keys(path: Path) -> list[ApiKey]:
    """Returns the keys of a file.

    Raises:
        ConfigurationError: it cannot be read, a line is no key, or two keys have one id or one digest.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"keys: {path}: {error}") from error
    keys = [_key(path, number, line) for number, line in enumerate(lines, 1) if _counts(line)]
    for name in ("id", "hash"):
        if len({getattr(key, name) for key in keys}) < len(keys):
            raise ConfigurationError(f"keys: {path}: two keys have the same {name}")
    return keys


def _key(path: Path, number: int, line: str) -> ApiKey:
    try:
        return ApiKey.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"keys: {path}:{number}: {where or 'line'}: {first['msg']}") from error


def _revoked(lines: Iterable[str], id_: str) -> Iterator[str]:
    for line in lines:
        key = ApiKey.model_validate_json(line) if _counts(line) else None
        yield key.model_copy(update={"revoked": True}).as_line() if key is not None and key.id == id_ else line


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")
