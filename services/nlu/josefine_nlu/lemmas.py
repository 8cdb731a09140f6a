"""Weak findings that a word near them makes sure: Presidio's way, with lemmas only for the texts that have any."""

from collections.abc import Callable, Mapping

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts


class LazyLemmas(LemmaContextAwareEnhancer):
    """Presidio's enhancer of scores. Most texts have no finding that it would look at."""

    def __init__(self, lemmatise: Callable[[NlpArtifacts], None]) -> None:
        """`lemmatise` fills in lemmas and keywords."""
        super().__init__()
        self._lemmatise = lemmatise

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        recognisers = {recogniser.id: recogniser for recogniser in recognizers}
        if not any(_is_looked_at(result, recognisers) for result in raw_results):
            return raw_results
        self._lemmatise(nlp_artifacts)
        return super().enhance_using_context(text, raw_results, nlp_artifacts, recognizers, context)


def _is_looked_at(result: RecognizerResult, recognisers: Mapping[str, EntityRecognizer]) -> bool:
    """Whether the finding's recogniser has words that make it surer."""
    found_by = recognisers.get(result.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY])
    return found_by is not None and bool(found_by.context)
