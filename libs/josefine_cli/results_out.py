"""Writes what recordings gave: results in the order of the files, failures as they come, to the end of the list."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from josefine_cli.errors import CliError
from josefine_cli.output import Format, rendered
from josefine_client.player import Finished
from josefine_wire.positions import seconds


class ResultsOut:
    """One a call. `failed` tells whether any recording gave no clean result."""

    def __init__(self, files: Sequence[Path], format_: Format, folder: Path | None) -> None:
        """`folder`: one file a recording goes there, it is made if need be; None: all of it to stdout.

        Raises:
            CliError: two recordings have one name, or the folder cannot be made.
        """
        if folder is not None:
            _prepare(folder, files)
        self.failed = False
        self._files = files
        self._format = format_
        self._folder = folder
        self._waiting: dict[int, str] = {}
        self._next = 0

    def refuse(self, index: int, reason: str) -> None:
        """Says that a file could not be sent."""
        self._fail(index, reason)
        self._put(index, "")

    def take(self, index: int, finished: Finished) -> None:
        """Writes what a recording gave as soon as those before it are done; also a part, if it ended in an error."""
        result = finished.result
        failure = result.error["message"] if result.error is not None else finished.failure
        if failure is not None:
            self._fail(index, failure)
        for found in result.gaps():
            at_s, length_s = seconds(found.gap["start_sample"]), seconds(found.gap["samples"])
            self._say(index, f"{length_s:.2f} s lost at {at_s:.2f} s, channel {found.channel}: {found.gap['reason']}")
        worth = failure is None or bool(result.finals())
        self._put(index, rendered(str(self._files[index]), result, self._format) if worth else "")

    def _fail(self, index: int, reason: str) -> None:
        self.failed = True
        self._say(index, reason)

    def _say(self, index: int, line: str) -> None:
        print(f"josefine: {self._files[index]}: {line}", file=sys.stderr, flush=True)

    def _put(self, index: int, text: str) -> None:
        self._waiting[index] = text
        while self._next in self._waiting:
            self._write(self._files[self._next], self._waiting.pop(self._next))
            self._next += 1

    def _write(self, file: Path, text: str) -> None:
        if not text:
            return
        if self._folder is None:
            heading = f"{file}:\n" if len(self._files) > 1 and self._format is Format.TEXT else ""
            print(heading + text, end="", flush=True)
        else:
            # The whole name stays, so that talk.wav and talk.mp3 do not share a file.
            target = self._folder / (file.name + self._format.suffix)
            try:
                target.write_text(text, encoding="utf-8")
            except OSError as error:
                raise CliError(f"{target}: cannot be written: {error.strerror or error}") from error


def _prepare(folder: Path, files: Sequence[Path]) -> None:
    names = Counter(file.name for file in files)
    if twice := next((name for name, count in names.items() if count > 1), None):
        raise CliError(f"--output {folder}: several recordings are called {twice}, one result would replace another", 2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CliError(f"--output {folder}: cannot be made: {error.strerror or error}", 2) from error
