"""What texts say: one pass of spaCy for entities and redaction alike, VADER for sentiment. English."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts
from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import RecognizerResult as AnonymizerResult
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from josefine_nlu.kinds import KINDS, NER_KINDS
from josefine_nlu.lemmas import LazyLemmas
from josefine_nlu.loaded_spacy import LoadedSpacy
from josefine_nlu.recognisers import recognisers
from josefine_nlu.spans import Span, disjoint
from josefine_wire.records import Polarity, Sentiment

_NER_SHARE = 4
"""spaCy's parser takes a quarter of a batch at once, and each time costs as much as the words of two texts."""
_POLAR_FROM = 0.05
"""Compound score of a polar text (Hutto and Gilbert 2014; the schema of `understanding` says the same)."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is redacted, and from which certainty on."""

    pii_kinds: tuple[str, ...]
    pii_score: float
    phone_regions: tuple[str, ...]
    kept_words: int = 20_000
    """How many words the vocabulary keeps, the first that come: 5 MB. All but a few of a text are among them, and each
    that is not takes a tenth of a millisecond."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What one text says. Spans count its characters and stand in its order."""

    entities: tuple[Span, ...]
    """Kinds are OntoNotes labels."""
    pii: tuple[Span, ...]
    """Kinds are Presidio's. Disjoint: exactly what redacted_text hides."""
    redacted_text: str
    sentiment: Sentiment


class Understanding:
    """The pipeline, loaded. Not for several threads at once."""

    def __init__(self, model: Path, options: Options) -> None:
        """Loads the spaCy pipeline in folder `model`; a second or two, no network.

        Raises:
            OSError: the folder holds no pipeline.
        """
        _silence_presidio()
        self._options = options
        # The parser is the slowest part, and nothing here asks for sentences or dependencies.
        self._nlp = spacy.load(model, exclude=["parser", "senter"])
        self._engine = LoadedSpacy(self._nlp)
        registry = RecognizerRegistry(recognisers(options.phone_regions), supported_languages=["en"])
        lemmas = LazyLemmas(self._engine.lemmatise)
        self._analyser = AnalyzerEngine(
            registry, self._engine, supported_languages=["en"], context_aware_enhancer=lemmas
        )
        self._anonymiser = AnonymizerEngine()  # type: ignore[no-untyped-call]
        self._sentiment = SentimentIntensityAnalyzer()

    def understand(self, texts: Sequence[str]) -> list[Understood]:
        """Returns what each text says, in their order."""
        with self._zone():
            passed = self._engine.process_batch(list(texts), "en", batch_size=_NER_SHARE * len(texts) or 1)
            return [self._understood(text, artifacts) for text, artifacts, *_ in passed]

    def _zone(self) -> AbstractContextManager[object]:
        """Returns what frees the words of the texts inside, without which the vocabulary grows for ever."""
        # spaCy counts every word that it has met, also those that were freed: once it is full it stays so.
        full = len(self._nlp.vocab) >= self._options.kept_words
        return self._nlp.memory_zone() if full else nullcontext()

    def _understood(self, text: str, artifacts: NlpArtifacts) -> Understood:
        named = [Span(ent.start_char, ent.end_char, ent.label_) for ent in artifacts.tokens.ents]
        pii = self._personal(text, artifacts)
        entities = tuple(span for span in named if not _is_part_of_number(span, pii))
        return Understood(entities, tuple(pii), self._redacted(text, pii), self._polarity(text))

    def _personal(self, text: str, artifacts: NlpArtifacts) -> list[Span]:
        if not self._options.pii_kinds:
            return []
        results = self._analyser.analyze(
            text,
            "en",
            entities=list(self._options.pii_kinds),
            score_threshold=self._options.pii_score,
            nlp_artifacts=artifacts,
        )
        # Presidio gives its findings in another order in each process, and a replay has to say the same.
        results.sort(key=lambda result: KINDS.index(result.entity_type))
        return disjoint((Span(r.start, r.end, r.entity_type, r.score) for r in results), text)

    def _redacted(self, text: str, pii: Sequence[Span]) -> str:
        results = [AnonymizerResult(span.kind, span.start_char, span.end_char, span.score) for span in pii]
        return str(self._anonymiser.anonymize(text, results, merge_entities_with_spaces=False).text)

    def _polarity(self, text: str) -> Sentiment:
        score = float(self._sentiment.polarity_scores(text)["compound"])
        label: Polarity = "NEUTRAL" if abs(score) < _POLAR_FROM else "POSITIVE" if score > 0 else "NEGATIVE"
        return Sentiment(label=label, score=score)


def _is_part_of_number(named: Span, pii: Sequence[Span]) -> bool:
    """Whether a rule knows better: four digits of a card number are no DATE, though they look like one."""
    return any(
        span.kind not in NER_KINDS.values() and named.start_char < span.end_char and named.end_char > span.start_char
        for span in pii
    )


def _silence_presidio() -> None:
    """Presidio writes words of the text to its loggers (context lists, failed checks); ours never do."""
    for name in ("presidio-analyzer", "presidio-anonymizer", "decision_process"):
        logging.getLogger(name).disabled = True
