"""Word error rate with counts that add up over clips, so that long clips weigh what they are long."""

from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Errors of a minimal alignment of hypothesis to reference, in words. Sums are pooled counts."""

    reference_words: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def errors(self) -> int:
        """All errors, in words."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per reference word: 0 is perfect, above 1 is possible.

        With no reference words (silence) there is nothing to divide by: the rate is the count of insertions.
        """
        return self.errors / max(self.reference_words, 1)

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(
            self.reference_words + other.reference_words,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


def aligned_errors(reference: list[str], hypothesis: list[str]) -> WordErrors:
    """Returns the errors between two lists of words that are compared as they stand."""
    kinds = [edit.tag for edit in Levenshtein.editops(reference, hypothesis)]
    return WordErrors(
        reference_words=len(reference),
        substitutions=kinds.count("replace"),
        deletions=kinds.count("delete"),
        insertions=kinds.count("insert"),
    )


def pooled(errors: Iterable[WordErrors]) -> WordErrors:
    """Returns the sum of counts over many clips."""
    return sum(errors, WordErrors())
