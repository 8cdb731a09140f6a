"""LocalAgreement-2: a word of an interim is stable when two hypotheses in a row agree on it.

Source: Liu et al. 2020, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial
Hypothesis Selection"; the policy of whisper_streaming.
"""

from collections.abc import Sequence

from josefine_inference.hypothesis import bare_word


class Agreement:
    """What the interims of one segment have agreed on."""

    def __init__(self) -> None:
        self._previous: Sequence[str] = ()
        self.agreed: tuple[str, ...] = ()
        """Leading words of the last hypothesis, as written, that the next decoding is given as its prefix."""

    def hear(self, words: Sequence[str]) -> None:
        """Takes the next hypothesis. Its last word is held back: the audio may end in the middle of it."""
        common = 0
        for old, new in zip(self._previous, words[:-1], strict=False):
            if bare_word(old) != bare_word(new):
                break
            common += 1
        self._previous = words
        self.agreed = tuple(words[:common])
