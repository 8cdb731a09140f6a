"""Lines of a caption: how words share two lines of 42 characters."""

from collections.abc import Sequence
from typing import Final

LINE_CHARACTERS: Final = 42
LINES: Final = 2


def balanced_lines(words: Sequence[str]) -> tuple[str, ...] | None:
    """Returns the words on one line if they fit, else on two of nearly equal length, the longer below.

    None: they do not fit.
    """
    whole = " ".join(words)
    if len(whole) <= LINE_CHARACTERS:
        return (whole,)
    if len(whole) > LINES * LINE_CHARACTERS + 1:
        return None
    pairs = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    fitting = [pair for pair in pairs if max(map(len, pair)) <= LINE_CHARACTERS]
    # The text above is read first and hides the picture: let it be the shorter where both are as good.
    return min(fitting, key=lambda pair: (abs(len(pair[0]) - len(pair[1])), len(pair[0])), default=None)


def pieces(text: str) -> list[str]:
    """Returns the parts of a word that no line can hold whole: one for a usual word, none for blank text."""
    solid = "".join(text.split())
    return [solid[at : at + LINE_CHARACTERS] for at in range(0, len(solid), LINE_CHARACTERS)]
