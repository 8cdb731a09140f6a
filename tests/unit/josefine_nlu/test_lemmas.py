import spacy
from presidio_analyzer import Pattern, PatternRecognizer
from presidio_analyzer.nlp_engine import NlpArtifacts

from josefine_nlu.lemmas import LazyLemmas
from josefine_nlu.loaded_spacy import pipes_for_lemmas

TEXT = "the codes are 1234"


def enhanced(context):
    """Returns the score of a number, and for how many texts lemmas were asked for."""
    doc = spacy.blank("en")(TEXT)
    artifacts = NlpArtifacts([], doc, [token.idx for token in doc], [], None, "en")
    asked = []

    def lemmatise(of):
        asked.append(of)
        of.lemmas = of.keywords = ["the", "code", "be", "1234"]

    number = PatternRecognizer("NUMBER", patterns=[Pattern("digits", "[0-9]+", 0.2)], context=context)
    found = number.analyze(TEXT, ["NUMBER"])
    [result] = LazyLemmas(lemmatise).enhance_using_context(TEXT, found, artifacts, [number])
    return result.score, len(asked)


def test_a_weak_finding_is_surer_beside_the_lemma_of_a_word():
    assert enhanced(["code"]) == (0.55, 1)


def test_a_finding_that_no_word_makes_surer_needs_no_lemmas():
    assert enhanced([]) == (0.2, 0)


def test_names_need_no_lemmas():
    nlp = spacy.blank("en")
    for pipe in ("tagger", "attribute_ruler", "lemmatizer", "ner"):
        nlp.add_pipe(pipe)
    assert pipes_for_lemmas(nlp) == ["tagger", "attribute_ruler", "lemmatizer"]


def test_a_pipe_that_is_not_known_may_need_all_others():
    nlp = spacy.blank("en")
    for pipe in ("tagger", "entity_ruler", "ner"):
        nlp.add_pipe(pipe)
    assert pipes_for_lemmas(nlp) == []
