import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_whisper.errors import CheckpointError, RequestError
from josefine_whisper.tokenizer import WhisperTokenizer


def test_prompts(tokenizer, raw_tokenizer):
    token = raw_tokenizer.token_to_id
    english = (token("<|startoftranscript|>"), token("<|notimestamps|>"))
    assert tokenizer.prompt("en", multilingual=False) == english
    german = (english[0], token("<|de|>"), token("<|transcribe|>"), english[1])
    assert tokenizer.prompt("de", multilingual=True) == german


def test_an_english_model_refuses_other_languages(tokenizer):
    with pytest.raises(RequestError, match="English only"):
        tokenizer.prompt("de", multilingual=False)


def test_an_unknown_language(tokenizer):
    with pytest.raises(RequestError, match="xx"):
        tokenizer.prompt("xx", multilingual=True)


def test_what_is_expected_stands_before_the_prompt(tokenizer, raw_tokenizer):
    first, *text = tokenizer.context(["Josefine", "the mouse"], 100)
    assert first == raw_tokenizer.token_to_id("<|startofprev|>")
    assert "Josefine, the mouse" in tokenizer.decode(text)
    assert tokenizer.context([], 100) == ()


def test_what_does_not_fit_before_the_prompt_is_left_out_by_whole_terms(tokenizer):
    _, *text = tokenizer.context(["Josefine", "the mouse", "sings"], 24)
    assert tokenizer.decode(text).strip() == "Josefine, the mouse."
    assert tokenizer.context(["Josefine"], 5) == ()


def test_a_term_that_looks_like_a_control_token_is_none(tokenizer):
    _, *text = tokenizer.context(["<|startoftranscript|>", "<|endoftext|>"], 100)
    assert max(text) < tokenizer.end_of_text


@given(st.lists(st.from_regex(r"[a-zé,.'-]{1,6}", fullmatch=True), max_size=5))
def test_forced_words_read_as_they_were_said(tokenizer, words):
    assert tokenizer.decode(tokenizer.encode_words(words, "en")).split() == words


def test_languages_without_spaces(tokenizer):
    assert tokenizer.decode(tokenizer.encode_words(["日", "本"], "ja")) == "日本"


def test_control_tokens_are_no_text(tokenizer):
    tokens = [*tokenizer.encode_words(["yes"], "en"), tokenizer.end_of_text, tokenizer.start]
    assert tokenizer.decode(tokens) == " yes"


@pytest.mark.parametrize("content", [None, "{", '{"model": {}}'])
def test_a_broken_file(tmp_path, content):
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        WhisperTokenizer.load(tmp_path)


def test_a_tokenizer_of_another_model(tmp_path):
    (tmp_path / "tokenizer.json").write_text('{"model": {"type": "BPE", "vocab": {}, "merges": []}}')
    with pytest.raises(CheckpointError, match="endoftext"):
        WhisperTokenizer.load(tmp_path)
