"""deepgram-captions over what the real gateway answers."""

import re

import pytest
from deepgram_captions import DeepgramConverter, srt, webvtt
from gateway_kit import deepgram_at

CUE = re.compile(r"(\d\d:\d\d:\d\d[.,]\d\d\d) --> (\d\d:\d\d:\d\d[.,]\d\d\d)")


@pytest.fixture(scope="module")
def answers(gateway, sample_path):
    """A recording, with and without utterances."""
    transcribe = deepgram_at(gateway).listen.v1.media.transcribe_file
    audio = sample_path("jfk.flac").read_bytes()
    return {spoken: transcribe(request=audio, smart_format=True, utterances=spoken).dict() for spoken in (True, False)}


def words_of(answer):
    return answer["results"]["channels"][0]["alternatives"][0]["transcript"].split()


@pytest.mark.parametrize("utterances", [True, False])
def test_srt_holds_every_word_in_cues_in_order(answers, utterances):
    captions = srt(DeepgramConverter(answers[utterances]))
    cues = [part.split("\n") for part in captions.strip().split("\n\n")]
    assert [number for number, *_ in cues] == [str(place) for place in range(1, len(cues) + 1)]
    times = [CUE.fullmatch(line).groups() for _, line, *_ in cues]
    assert times == sorted(times)
    assert all(begin < end for begin, end in times)
    assert " ".join(line for _, _, *lines in cues for line in lines).split() == words_of(answers[utterances])


@pytest.mark.parametrize("utterances", [True, False])
def test_webvtt_says_where_it_is_from(answers, utterances):
    captions = webvtt(DeepgramConverter(answers[utterances]))
    assert captions.startswith("WEBVTT")
    assert answers[utterances]["metadata"]["request_id"] in captions
    assert "ask not" in captions
    assert CUE.search(captions)
