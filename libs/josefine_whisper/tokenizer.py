"""Whisper's tokenizer: text to tokens and back, and the control tokens by name."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer

from josefine_whisper.errors import CheckpointError, RequestError

UNSPACED_LANGUAGES: Final = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages written without spaces between words."""


class WhisperTokenizer:
    """A tokenizer.json with Whisper's control tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.end_of_text = self._required("<|endoftext|>")
        self.start = self._required("<|startoftranscript|>")
        self.no_timestamps = self._required("<|notimestamps|>")
        self._transcribe = self._required("<|transcribe|>")
        self._previous = self._required("<|startofprev|>")

    @classmethod
    def load(cls, folder: Path) -> "WhisperTokenizer":
        """Returns the tokenizer of a checkpoint's folder.

        Raises:
            CheckpointError: tokenizer.json is missing, unreadable or not Whisper's.
        """
        path = folder / "tokenizer.json"
        try:
            text = path.read_text(encoding="utf-8")
            return cls(Tokenizer.from_str(text))
        # The Rust library raises bare Exception on a broken file.
        except Exception as error:
            raise CheckpointError(f"{path}: not a readable Whisper tokenizer: {error}") from error

    @cached_property
    def no_speech(self) -> int | None:
        """The token whose probability says that nobody speaks."""
        for name in ("<|nospeech|>", "<|nocaptions|>"):
            if (token := self._tokenizer.token_to_id(name)) is not None:
                return int(token)
        return None

    def prompt(self, language: str, *, multilingual: bool) -> tuple[int, ...]:
        """Returns the control tokens that begin a transcript without timestamps.

        Raises:
            RequestError: The model does not know the language.
        """
        if not multilingual:
            if language != "en":
                raise RequestError(f"this model knows English only, not {language!r}; load a multilingual one")
            return self.start, self.no_timestamps
        spoken = self._tokenizer.token_to_id(f"<|{language}|>")
        if spoken is None:
            raise RequestError(f"the model does not know the language {language!r}")
        return self.start, int(spoken), self._transcribe, self.no_timestamps

    def context(self, terms: Sequence[str], most: int) -> tuple[int, ...]:
        """Returns what stands before the control tokens where the terms are likely to be said: the text before.

        Of terms that make more than `most` tokens the first that fit: rare letters are several tokens each.
        """
        for count in range(len(terms), 0, -1):
            ids = self._tokenizer.encode(f" {', '.join(terms[:count])}.", add_special_tokens=False).ids
            text = [token for token in ids if token < self.end_of_text]  # a term may look like a control token
            if len(text) < most:
                return self._previous, *text
        return ()

    def encode_words(self, words: Sequence[str], language: str) -> tuple[int, ...]:
        """Returns the tokens of words in the middle of a text."""
        if not words:
            return ()
        joined = "".join(words) if language in UNSPACED_LANGUAGES else " " + " ".join(words)
        return tuple(self._tokenizer.encode(joined, add_special_tokens=False).ids)

    def decode(self, tokens: Sequence[int]) -> str:
        """Returns the text of tokens without control tokens; half characters come as U+FFFD."""
        text: str = self._tokenizer.decode([token for token in tokens if token < self.end_of_text])
        return text

    def _required(self, name: str) -> int:
        token = self._tokenizer.token_to_id(name)
        if token is None:
            raise CheckpointError(f"tokenizer.json has no {name}")
        return int(token)
