"""Recordings from the real deepgram-sdk to the real gateway."""

import asyncio
import hashlib
from operator import attrgetter

import pytest
from deepgram import AsyncDeepgramClient
from deepgram.errors import BadRequestError
from deepgram.types.listen_v1accepted_response import ListenV1AcceptedResponse
from deepgram.types.listen_v1response import ListenV1Response
from gateway_kit import deepgram_at, pieces, require_signed

TEXT = "ask not what your country can do for you"


def first(answer):
    """What was heard on the first channel, of an answer that the client's own model takes."""
    ListenV1Response.model_validate(answer.dict())
    return answer.results.channels[0].alternatives[0]


@pytest.fixture(scope="module")
def plain(gateway, sample_path):
    """The answer where nothing was asked for."""
    audio = sample_path("jfk.flac").read_bytes()
    return deepgram_at(gateway).listen.v1.media.transcribe_file(request=audio)


@pytest.fixture(scope="module")
def full(gateway, sample_path):
    """The answer where everything was asked for that speech without numbers can show."""
    return deepgram_at(gateway).listen.v1.media.transcribe_file(
        request=sample_path("jfk.flac").read_bytes(),
        model="nova-3",
        language="en-US",
        version="latest",
        smart_format=True,
        paragraphs=True,
        utterances=True,
        utt_split=0.5,
        search=["country", "submarine"],
        replace=["fellow:dear", "americans:friends"],
        detect_entities=True,
        sentiment=True,
        profanity_filter=True,
        tag=["a", "b"],
        extra="ticket:7",
        mip_opt_out=True,
        diarize=False,
    )


def test_without_options_words_are_bare(plain):
    heard = first(plain)
    assert TEXT in heard.transcript
    assert heard.transcript == heard.transcript.lower()
    assert heard.transcript == " ".join(word.word for word in heard.words)
    assert not any(hasattr(word, "punctuated_word") for word in heard.words)
    assert heard.paragraphs is heard.entities is plain.results.utterances is plain.results.sentiments is None


def test_words_have_times_in_order_and_confidences(plain):
    words = first(plain).words
    assert all(0 <= word.start <= word.end <= plain.metadata.duration for word in words)
    assert words == sorted(words, key=attrgetter("start"))
    assert all(0 < word.confidence <= 1 for word in words)
    assert 0 < first(plain).confidence <= 1


def test_metadata_tell_what_was_heard_and_by_what(plain, sample_path):
    about = plain.metadata
    assert about.sha256 == hashlib.sha256(sample_path("jfk.flac").read_bytes()).hexdigest()
    assert (about.duration, about.channels) == (11.0, 1)
    assert [about.model_info[model]["name"] for model in about.models] == ["tiny.en"]


def test_punctuation_stands_beside_the_bare_words(full):
    heard = first(full)
    assert heard.transcript.startswith("And so my dear")
    assert heard.transcript == " ".join(word.punctuated_word for word in heard.words)
    assert all(word.word == word.word.lower().strip(".,?!") for word in heard.words)


def test_paragraphs_hold_the_transcript_in_sentences(full):
    heard = first(full)
    [paragraph] = heard.paragraphs.paragraphs
    assert paragraph.num_words == len(heard.words)
    assert (paragraph.start, paragraph.end) == (heard.words[0].start, heard.words[-1].end)
    assert " ".join(sentence.text for sentence in paragraph.sentences) == heard.transcript
    assert heard.paragraphs.transcript.strip() == heard.transcript


def test_utterances_hold_every_word_once(full):
    spoken = full.results.utterances
    assert len(spoken) > 1
    assert [word.word for each in spoken for word in each.words] == [word.word for word in first(full).words]
    assert " ".join(each.transcript for each in spoken) == first(full).transcript
    assert {each.channel for each in spoken} == {0}
    assert len({each.id for each in spoken}) == len(spoken)


def test_a_search_tells_where_the_phrase_is(full):
    country, submarine = full.results.channels[0].search
    places = [(word.start, word.end) for word in first(full).words if word.word == "country"]
    assert [(hit.start, hit.end) for hit in country.hits] == places
    assert (submarine.query, submarine.hits) == ("submarine", [])


def test_what_is_replaced_is_gone(full):
    words = {word.word for word in first(full).words}
    assert {"dear", "friends"} < words
    assert not {"fellow", "americans"} & words


def test_sentiment_is_told_by_stretch_and_on_average(full):
    assert full.results.sentiments.average.sentiment in {"positive", "neutral", "negative"}
    segments = full.results.sentiments.segments
    assert segments[0].start_word == 0
    assert segments[-1].end_word == len(first(full).words) - 1
    assert full.metadata.sentiment_info.model_uuid


def test_tags_and_extra_come_back(full):
    assert full.metadata.tags == ["a", "b"]
    assert full.metadata.extra == {"ticket": "7"}


def test_entities_name_their_words(deepgram, sample_path):
    answer = deepgram.listen.v1.media.transcribe_file(
        request=sample_path("jfk.flac").read_bytes(), detect_entities=True, punctuate=True
    )
    heard = first(answer)
    [americans] = [entity for entity in heard.entities if entity.value == "Americans"]
    assert americans.label == "NORP"
    assert [word.word for word in heard.words[int(americans.start_word) : int(americans.end_word) + 1]] == ["americans"]


def test_numbers_are_redacted_also_where_they_are_counted(deepgram, sample_path):
    audio = sample_path("lj002-0020.wav").read_bytes()
    shown = deepgram.listen.v1.media.transcribe_file(request=audio, numerals=True)
    hidden = deepgram.listen.v1.media.transcribe_file(request=audio, numerals=True, redact="numbers", utterances=True)
    assert first(shown).transcript == "in 1813"
    assert first(hidden).transcript == "in [NUMBER_1]"
    assert "1813" not in hidden.json()


def test_channels_are_heard_apart(deepgram, stereo_wav, sample_path):
    audio = stereo_wav(sample_path("jfk.flac"), sample_path("lj002-0020.wav"))
    answer = deepgram.listen.v1.media.transcribe_file(request=audio, multichannel=True, utterances=True)
    left, right = (channel.alternatives[0].transcript for channel in answer.results.channels)
    assert (TEXT in left, right) == (True, "in 1813")
    assert answer.metadata.channels == 2
    assert {each.channel for each in answer.results.utterances} == {0, 1}


def test_raw_samples_need_their_rate(deepgram, short_speech):
    transcribe = deepgram.listen.v1.media.transcribe_file
    audio = short_speech.astype("<i2").tobytes()
    rate = {"additional_query_parameters": {"sample_rate": 16_000}}
    assert first(transcribe(request=audio, encoding="linear16", request_options=rate)).transcript == "in 1813"
    with pytest.raises(BadRequestError, match="sample_rate"):
        transcribe(request=audio, encoding="linear16")


def test_a_body_may_come_in_pieces(deepgram, sample_path):
    audio = sample_path("lj002-0020.wav").read_bytes()
    answer = deepgram.listen.v1.media.transcribe_file(request=iter(pieces(audio)))
    assert first(answer).transcript == "in 1813"
    assert answer.metadata.sha256 == hashlib.sha256(audio).hexdigest()


def test_silence_is_an_empty_transcript(deepgram, wav_bytes, short_speech):
    answer = deepgram.listen.v1.media.transcribe_file(request=wav_bytes(0 * short_speech), utterances=True)
    heard = first(answer)
    assert (heard.transcript, heard.confidence, heard.words) == ("", 0.0, [])
    assert answer.results.utterances == []


def test_the_asynchronous_client_hears_the_same(gateway, sample_path):
    transcribe = deepgram_at(gateway, AsyncDeepgramClient).listen.v1.media.transcribe_file
    audio = sample_path("lj002-0020.wav").read_bytes()

    async def in_pieces():
        for piece in pieces(audio):
            yield piece

    async def both():
        return await asyncio.gather(transcribe(request=audio), transcribe(request=in_pieces()))

    assert [first(answer).transcript for answer in asyncio.run(both())] == ["in 1813"] * 2


def test_a_url_is_fetched_where_its_host_is_allowed(strict_gateway, samples_server):
    transcribe = deepgram_at(strict_gateway).listen.v1.media.transcribe_url
    assert first(transcribe(url=f"{samples_server.url}/lj002-0020.wav")).transcript == "in 1813"
    with pytest.raises(BadRequestError) as missing:
        transcribe(url=f"{samples_server.url}/nothing.wav")
    assert missing.value.body["err_code"] == "REMOTE_CONTENT_ERROR"


def test_words_that_are_expected_are_heard(deepgram, sample_path):
    audio = sample_path("lj001-0007.ogg").read_bytes()
    named, unnamed = (
        first(deepgram.listen.v1.media.transcribe_file(request=audio, punctuate=True, **options)).transcript
        for options in ({"keyterm": ["Gutenberg", "forty-two line Bible"]}, {})
    )
    assert "Gutenberg" in named
    assert "forty-two line Bible" in named
    assert "Gutenberg" not in unnamed


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_callback_gets_the_answer_and_can_tell_who_sent_it(strict_gateway, samples_server, sample_path, method):
    accepted = deepgram_at(strict_gateway).listen.v1.media.transcribe_file(
        request=sample_path("lj002-0020.wav").read_bytes(),
        callback=f"{samples_server.url}/answers",
        callback_method=method,
    )
    assert isinstance(accepted, ListenV1AcceptedResponse)
    told = samples_server.told()
    assert (told.method, told.headers["dg-request-id"]) == (method, accepted.request_id)
    answer = ListenV1Response.model_validate(told.content)
    assert answer.metadata.request_id == accepted.request_id
    assert answer.results.channels[0].alternatives[0].transcript == "in 1813"
    require_signed(told)


def test_a_callback_tells_that_nothing_came_of_it(strict_gateway, samples_server):
    accepted = deepgram_at(strict_gateway).listen.v1.media.transcribe_file(
        request=bytes(range(256)) * 40, callback=f"{samples_server.url}/answers"
    )
    told = samples_server.told().content
    assert (told["request_id"], told["err_code"]) == (accepted.request_id, "Bad Request")
