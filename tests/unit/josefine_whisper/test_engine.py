from dataclasses import replace

import numpy as np
import pytest
import torch

from josefine_whisper import CheckpointError, Engine, Request, RequestError, UnsupportedError
from josefine_whisper.engine import _MULTILINGUAL_VOCABULARY
from josefine_whisper.loading import load_model
from josefine_whisper.model import Whisper


@pytest.fixture
def engine(model, tokenizer, checkpoint) -> Engine:
    return Engine(model, tokenizer, checkpoint, name="random")


def request_of(hops, seed=0, **options):
    log_mel = np.random.default_rng(seed).uniform(-9, 1, size=(hops, 4)).astype(np.float16)
    return Request(log_mel, **options)


def test_knows_itself(engine, dimensions):
    assert (engine.name, engine.mels) == ("random", dimensions.mels)
    assert engine.multilingual is (dimensions.vocabulary >= _MULTILINGUAL_VOCABULARY)


def test_one_answer_a_request_whatever_the_batch(engine):
    requests = [request_of(hops, seed=hops, word_times=hops % 2 == 0) for hops in (1, 0, 40, 333, 41)]
    together = engine.transcribe(requests)
    for one, answer in zip(requests, together, strict=True):
        (alone,) = engine.transcribe([one])
        assert (answer.text, answer.decode_steps) == (alone.text, alone.decode_steps)
        assert [word.text for word in answer.words] == [word.text for word in alone.words]
        assert answer.average_logprob == pytest.approx(alone.average_logprob, abs=1e-4)


def test_nothing_asked_nothing_said(engine):
    assert engine.transcribe([]) == []
    (answer,) = engine.transcribe([request_of(0)])
    assert (answer.text, answer.words, answer.no_speech_probability) == ("", (), 1.0)


def test_words_are_the_text(engine):
    for answer in engine.transcribe([request_of(90, seed=seed, word_times=True) for seed in range(4)]):
        assert " ".join(word.text for word in answer.words).replace(" ", "") == answer.text.replace(" ", "")
        assert all(0.0 <= word.confidence <= 1.0 for word in answer.words)


def test_doubtful_finals_are_decoded_again(engine):
    """Random weights never come to an end: every rung of the ladder is tried."""
    (interim,) = engine.transcribe([request_of(40)])
    (final,) = engine.transcribe([request_of(40, fallback=True)])
    assert final.decode_steps == 7 * interim.decode_steps  # two tries and five samples


def test_only_english_is_cut_at_the_rate_that_was_measured_for_it(engine):
    """Random weights never come to an end: what stops them is the budget."""
    engine.multilingual = True
    (english,) = engine.transcribe([request_of(40)])
    (german,) = engine.transcribe([request_of(40)], language="de")
    assert english.decode_steps == 16
    assert german.decode_steps > 20


def test_says_whether_a_short_window_costs_as_much_as_a_long_one(engine, tokenizer, checkpoint, dimensions):
    deep = replace(checkpoint, dimensions=replace(dimensions, encoder_layers=12), tensors={})
    with torch.device("meta"):
        large = Engine(Whisper(deep.dimensions), tokenizer, deep, name="deep")
    assert (engine.whole_windows, large.whole_windows) == (False, True)


def test_the_text_begins_with_the_prefix(engine):
    (answer,) = engine.transcribe([request_of(60, prefix=("ask", "not"))])
    assert answer.text.startswith("ask not")


def test_words_that_leave_nothing_to_say_are_not_forced(curt_model, engine):
    (answer, other) = engine.transcribe([request_of(60, prefix=("ask", "not")), request_of(60)])
    assert not answer.text.startswith("ask")
    assert answer.text == other.text
    assert answer.decode_steps == 1 + other.decode_steps


def test_expected_words_change_nobody_elses_answer(engine):
    plain, telling = request_of(60), request_of(60, keyterms=("Josefine", "the mouse"))
    (alone,), (told,) = engine.transcribe([plain]), engine.transcribe([telling])
    together = engine.transcribe([telling, plain, telling])
    assert [answer.text for answer in together] == [told.text, alone.text, told.text]
    assert told.text != alone.text


@pytest.mark.parametrize("terms", [("a" * 300,), ("𐀀",) * 44, ("a" * 70, "b" * 70, "c" * 70, "d" * 70)])
def test_more_expected_words_than_fit_disturb_nobody(engine, terms):
    telling, plain = request_of(60, keyterms=terms, prefix=("ask", "not") * 12), request_of(60)
    together = engine.transcribe([telling, plain])
    assert together[1].text == engine.transcribe([plain])[0].text


@pytest.mark.parametrize("shape", [(3001, 4), (10, 5), (10,)])
def test_requests_of_the_wrong_shape(engine, shape):
    with pytest.raises(RequestError, match="log_mel"):
        engine.transcribe([Request(np.zeros(shape, dtype=np.float16))])


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(CheckpointError):
        Engine.load(tmp_path, name="none")


def test_devices_that_do_not_exist(checkpoint):
    with pytest.raises(UnsupportedError, match="no torch device"):
        load_model(checkpoint, "abacus", "auto")
