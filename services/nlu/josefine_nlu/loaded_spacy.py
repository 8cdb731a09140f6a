"""Presidio's spaCy engine over a pipeline that is loaded already; it finds lemmas only where they are asked for."""

from typing import Any, Final

from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import NumpyOps

from josefine_nlu.kinds import NER_KINDS

_NAMES: Final = "ner"
_FOR_LEMMAS: Final = frozenset({"tagger", "morphologizer", "attribute_ruler", "lemmatizer"})


class LoadedSpacy(SpacyNlpEngine):
    """One pass for the names in all texts; `lemmatise` does the rest for one. Not for several threads at once."""

    def __init__(self, nlp: Language) -> None:
        """Takes the pipeline over: what only lemmas need is switched off in it."""
        ignored = sorted(set(nlp.get_pipe(_NAMES).labels) - set(NER_KINDS))  # type: ignore[attr-defined]
        super().__init__(
            models=[{"lang_code": "en", "model_name": nlp.meta["name"]}],
            ner_model_configuration=NerModelConfiguration(
                labels_to_ignore=ignored, model_to_presidio_entity_mapping=dict(NER_KINDS)
            ),
        )
        self.nlp = {"en": nlp}  # type: ignore[assignment]
        only_for_lemmas = pipes_for_lemmas(nlp)
        self._lemmatisers = [pipe for name, pipe in nlp.pipeline if name in only_for_lemmas]
        for name in only_for_lemmas:
            nlp.disable_pipe(name)
        _multiply_with_numpy(nlp)

    def lemmatise(self, artifacts: NlpArtifacts) -> None:
        """Fills in lemmas, keywords and where the tokens begin, of a text that this engine has passed."""
        doc: Doc = artifacts.tokens
        for pipe in self._lemmatisers:
            doc = pipe(doc)
        artifacts.lemmas = [token.lemma_ for token in doc]
        artifacts.tokens_indices = [token.idx for token in doc]
        artifacts.keywords = NlpArtifacts.set_keywords(self, artifacts.lemmas, "en")

    def _doc_to_nlp_artifact(self, doc: Doc, language: str) -> NlpArtifacts:
        entities, scores = self._get_updated_entities(self._get_entities(doc), self._get_scores_for_entities(doc))
        return NlpArtifacts(entities, doc, [], [], self, language, scores)


def pipes_for_lemmas(nlp: Language) -> list[str]:
    """Returns the pipes that names do not need, in their order; none where the pipeline has pipes that are not known
    here, which may need anything.
    """
    lemmatisers = [name for name in nlp.pipe_names if name in _FOR_LEMMAS]
    vectors = {name: _listeners(pipe) for name, pipe in nlp.pipeline if _listeners(pipe)}
    if set(nlp.pipe_names) - {*lemmatisers, *vectors, _NAMES}:
        return []
    unheard = {name for name, listeners in vectors.items() if listeners <= _FOR_LEMMAS}
    return [name for name in nlp.pipe_names if name in unheard or name in lemmatisers]


def _multiply_with_numpy(nlp: Language) -> None:
    """Has numpy's BLAS do the products: thinc's own takes 1.5 to 2.7 times as long where there is AVX-512."""
    ops = NumpyOps(use_blis=False)
    for name in nlp.component_names:
        model = getattr(nlp.get_pipe(name), "model", None)
        for layer in model.walk() if model is not None else ():
            layer.ops = ops


def _listeners(pipe: Any) -> frozenset[str]:
    """Returns the pipes that take their vectors from this one."""
    return frozenset(getattr(pipe, "listening_components", ()))
