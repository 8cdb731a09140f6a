"""Live speech from the real deepgram-sdk to the real gateway, faster than it is spoken."""

import asyncio
import hashlib
import threading
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from deepgram import AsyncDeepgramClient
from deepgram.core.events import EventType
from deepgram.listen.v1.types import (
    ListenV1Configure,
    ListenV1ConfigureFailure,
    ListenV1ConfigureSuccess,
    ListenV1Error,
    ListenV1Metadata,
    ListenV1Results,
    ListenV1SpeechStarted,
    ListenV1UtteranceEnd,
)
from gateway_kit import RATE_HZ, container, deepgram_at, linear16, packets, pieces, require_signed, silence
from websockets.exceptions import ConnectionClosedError

LINEAR16 = {"model": "nova-3", "encoding": "linear16", "sample_rate": RATE_HZ}
CLOSED_BY_PEER = 1000


def of_kind(kind, messages):
    return [message for message in messages if isinstance(message, kind)]


def text(messages, channel=0):
    finals = [each for each in of_kind(ListenV1Results, messages) if each.is_final and each.channel_index[0] == channel]
    return " ".join(said for each in finals if (said := each.channel.alternatives[0].transcript))


def require_tiles(finals):
    """Fails where the finals of a channel leave out audio, or tell it twice."""
    assert finals[0].start == 0
    for before, after in pairwise(finals):
        assert after.start == pytest.approx(before.start + before.duration, abs=1e-3)


@pytest.fixture(scope="module")
def dialogue(gateway, speech):
    """All that comes of eight seconds with pauses and three of silence, with all kinds of messages."""
    said = linear16(speech[: 8 * RATE_HZ]) + silence(3)
    options = {"interim_results": True, "vad_events": True, "utterance_end_ms": 1_000, "endpointing": 300}
    with deepgram_at(gateway).listen.v1.connect(**LINEAR16, **options, smart_format=True, tag="x") as connection:
        for piece in pieces(said):
            connection.send_media(piece)
            threading.Event().wait(0.05)  # Four times as fast as speech: hypotheses need some time of it.
        connection.send_close_stream()
        return list(connection)


def test_messages_are_what_the_client_knows(dialogue):
    for message in dialogue:
        type(message).model_validate(message.dict())
    kinds = {type(message) for message in dialogue}
    assert kinds == {ListenV1Results, ListenV1SpeechStarted, ListenV1UtteranceEnd, ListenV1Metadata}


def test_the_last_results_are_final_and_metadata_come_after_them(dialogue):
    last, metadata = dialogue[-2:]
    assert isinstance(last, ListenV1Results)
    assert last.is_final
    assert of_kind(ListenV1Metadata, dialogue) == [metadata]
    assert (metadata.duration, metadata.channels, metadata.tags) == (11.0, 1, ["x"])


def test_finals_tile_the_audio_and_interims_begin_where_they_end(dialogue):
    results = of_kind(ListenV1Results, dialogue)
    finals = [each for each in results if each.is_final]
    require_tiles(finals)
    assert finals[-1].start + finals[-1].duration == pytest.approx(11.0)
    for before, after in pairwise(results):
        assert after.start == pytest.approx(before.start + (before.duration if before.is_final else 0), abs=1e-3)


def test_every_result_says_what_it_is(dialogue):
    for each in of_kind(ListenV1Results, dialogue):
        assert {type(flag) for flag in (each.is_final, each.speech_final, each.from_finalize)} == {bool}
        assert not each.from_finalize
        assert each.is_final or not each.speech_final
        assert each.channel_index == [0, 1]
        assert each.metadata.model_info.name == "tiny.en"
        assert each.metadata.request_id == dialogue[-1].request_id


def test_words_lie_within_their_results(dialogue):
    for each in of_kind(ListenV1Results, dialogue):
        heard = each.channel.alternatives[0]
        assert heard.transcript == " ".join(word.punctuated_word for word in heard.words)
        assert all(each.start <= word.start <= word.end <= each.start + each.duration + 0.01 for word in heard.words)
    assert "fellow Americans" in text(dialogue)


def test_speech_starts_before_its_first_results(dialogue):
    started = False
    for message in dialogue:
        if isinstance(message, ListenV1SpeechStarted):
            assert message.channel == [0, 1]
            started = True
        elif isinstance(message, ListenV1Results) and message.channel.alternatives[0].words:
            assert started
            started = not message.is_final
    starts = [each.timestamp for each in of_kind(ListenV1SpeechStarted, dialogue)]
    assert starts == sorted(starts)
    assert 0 <= starts[0] < 0.5


def test_an_utterance_ends_with_its_last_final_word(dialogue):
    ends = [each.last_word_end for each in of_kind(ListenV1UtteranceEnd, dialogue)]
    finals = [each for each in of_kind(ListenV1Results, dialogue) if each.is_final]
    words = [word for each in finals for word in each.channel.alternatives[0].words]
    assert ends
    assert ends == sorted(set(ends))
    assert ends[-1] == words[-1].end
    assert set(ends) <= {word.end for word in words}


def test_a_hypothesis_comes_while_speech_goes_on(deepgram, speech):
    options = {"interim_results": True, "vad_events": "true", "punctuate": True, "endpointing": 1_000}
    with deepgram.listen.v1.connect(**LINEAR16, **options) as connection:
        # Some sessions' first hypothesis takes two seconds of speech: they do not all fall due together.
        connection.send_media(linear16(speech[: 5 * RATE_HZ // 2]))
        started, interim = connection.recv(), connection.recv()
        connection.send_close_stream()
        rest = list(connection)
    assert isinstance(started, ListenV1SpeechStarted)
    assert (interim.is_final, interim.speech_final, interim.start) == (False, False, 0)
    assert interim.channel.alternatives[0].transcript.startswith("And so")
    assert text(rest).startswith("And so")


def test_every_finalize_is_answered_and_control_messages_end_nothing(deepgram, short_speech):
    with deepgram.listen.v1.connect(**LINEAR16) as connection:
        for _ in range(2):
            connection.send_finalize()
            nothing = connection.recv()
            assert (nothing.is_final, nothing.from_finalize, text([nothing])) == (True, True, "")
        for piece in pieces(linear16(short_speech)):
            connection.send_media(piece)
        connection.send_finalize()
        said = connection.recv()
        connection.send_keep_alive()
        connection.send_configure(ListenV1Configure(keyterms=["Josefine"]))
        not_configured = connection.recv()
        connection.send_configure(ListenV1Configure(features={"numerals": True}))
        configured = connection.recv()
        connection._websocket.send("no message")
        misread = connection.recv()
        connection.send_media(linear16(short_speech))
        connection.send_close_stream()
        rest = list(connection)
    assert (said.from_finalize, text([said])) == (True, "in 1813")
    assert isinstance(not_configured, ListenV1ConfigureFailure)
    assert not_configured.code == "CONFIGURE_KEYTERMS_NOT_SUPPORTED"
    assert isinstance(configured, ListenV1ConfigureSuccess)
    assert isinstance(misread, ListenV1Error)
    assert misread.variant == "SchemaError"
    assert text(rest) == "in 1813"
    assert isinstance(rest[-1], ListenV1Metadata)


@pytest.mark.parametrize("options", [{"model": "nova-3"}, LINEAR16], ids=["container", "raw"])
def test_who_says_nothing_is_told_of_nothing(deepgram, options):
    with deepgram.listen.v1.connect(**options) as connection:
        connection.send_close_stream()
        [metadata] = connection
    assert (metadata.duration, metadata.sha256) == (0, hashlib.sha256().hexdigest())


def test_leaving_without_close_stream_is_answered_at_once(deepgram, short_speech):
    with deepgram.listen.v1.connect(**LINEAR16) as connection:
        connection.send_media(linear16(short_speech))
    assert connection._websocket.protocol.close_rcvd.code == CLOSED_BY_PEER


def test_channels_are_edited_each_for_itself(deepgram, speech, short_speech):
    said = np.zeros((3 * RATE_HZ, 2), np.int16)
    # Cut in a pause: within a word it is a matter of rounding what is heard.
    said[: int(2.3 * RATE_HZ), 0] = speech[: int(2.3 * RATE_HZ)]
    said[: len(short_speech), 1] = short_speech
    with deepgram.listen.v1.connect(
        **LINEAR16,
        channels=2,
        multichannel="true",
        language="en-US",
        version="latest",
        punctuate=True,
        numerals=True,
        profanity_filter=True,
        detect_entities=True,
        redact="numbers",
        replace="fellow:dear",
        search=["dear"],
        extra="ticket:7",
        endpointing=False,
        mip_opt_out=True,
        diarize=False,
    ) as connection:
        for piece in pieces(linear16(said)):
            connection.send_media(piece)
        connection.send_close_stream()
        messages = list(connection)
    results = of_kind(ListenV1Results, messages)
    for channel in (0, 1):
        require_tiles([each for each in results if each.channel_index == [channel, 2]])
    assert text(messages, 0) == "And so my dear Americans."
    assert text(messages, 1).startswith("In [NUMBER_1]")
    first = next(each for each in results if each.channel_index[0] == 0)
    assert [(each.label, each.value) for each in first.entities] == [("NORP", "Americans")]
    assert [hit["snippet"] for hit in first.channel.search[0]["hits"]] == ["dear"]
    assert first.metadata.extra == messages[-1].extra == {"ticket": "7"}
    assert messages[-1].channels == 2


def test_every_encoding_is_heard(gateway, short_speech, sample_path):
    ogg = container(short_speech, "ogg", "libopus")
    flac = container(short_speech, "flac", "flac")
    spoken = {
        "linear16": (pieces(linear16(short_speech)), {"sample_rate": str(RATE_HZ)}),
        "linear32": (pieces((short_speech.astype("<i4") << 16).tobytes()), {"sample_rate": RATE_HZ}),
        "mulaw": (packets(short_speech, "pcm_mulaw", 8_000), {"sample_rate": 8_000}),
        "alaw": (packets(short_speech, "pcm_alaw", 8_000), {"sample_rate": 8_000}),
        "opus": (packets(short_speech, "libopus", 48_000), {"sample_rate": 48_000}),
        "ogg-opus": (pieces(ogg), {}),
        "flac": (pieces(flac), {"sample_rate": RATE_HZ}),
    }
    unnamed = [ogg, flac, container(short_speech, "webm", "libopus"), sample_path("lj002-0020.wav").read_bytes()]
    told = [(frames, {"encoding": name, **more}) for name, (frames, more) in spoken.items()]
    sniffed = [(pieces(audio), {}) for audio in unnamed]
    client = deepgram_at(gateway, AsyncDeepgramClient)
    room = asyncio.Semaphore(2)  # A small machine refuses more live streams than it serves in time.

    async def heard(frames, options):
        async with room, client.listen.v1.connect(model="nova-3", **options) as connection:
            for frame in frames:
                await connection.send_media(frame)
            await connection.send_close_stream()
            return [message async for message in connection]

    async def all_heard():
        return await asyncio.gather(*(heard(*each) for each in [*told, *sniffed]))

    found = asyncio.run(all_heard())
    assert [text(messages) for messages in found] == ["in 1813"] * len(found)
    assert [messages[-1].duration for messages in found] == pytest.approx([1.54] * len(found), abs=0.03)


def test_what_cannot_be_decoded_ends_the_connection(deepgram):
    with deepgram.listen.v1.connect(model="nova-3") as connection:
        connection.send_media(bytes(range(256)) * 40)
        with suppress(ConnectionClosedError):  # it may be known already
            connection.send_close_stream()
        with pytest.raises(ConnectionClosedError) as closed:
            list(connection)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "DATA-0000")


def test_words_that_are_expected_are_heard(deepgram, speech):
    options = {**LINEAR16, "punctuate": True, "interim_results": True, "keyterm": "fellow-Americans"}
    with deepgram.listen.v1.connect(**options) as connection:
        for piece in pieces(linear16(speech[: int(2.3 * RATE_HZ)])):
            connection.send_media(piece)
        connection.send_close_stream()
        assert "my fellow-Americans" in text(list(connection))


def test_whoever_is_silent_is_let_go(strict_gateway):
    events = []
    with deepgram_at(strict_gateway).listen.v1.connect(**LINEAR16) as connection:
        for kind in EventType:
            connection.on(kind, lambda event, kind=kind: events.append((kind, event)))
        connection.start_listening()
    kinds = [kind for kind, _ in events]
    assert kinds == [EventType.OPEN, EventType.ERROR, EventType.CLOSE]
    closed = events[1][1]
    assert (closed.rcvd.code, closed.rcvd.reason) == (1011, "NET-0001")


def test_a_callback_is_told_instead_of_the_connection(strict_gateway, samples_server, short_speech):
    callback = f"{samples_server.url}/results"
    with deepgram_at(strict_gateway).listen.v1.connect(**LINEAR16, callback=callback) as connection:
        connection.send_media(linear16(short_speech))
        connection.send_close_stream()
        assert list(connection) == []
    results, metadata = samples_server.told(), samples_server.told()
    assert ListenV1Results.model_validate(results.content).channel.alternatives[0].transcript == "in 1813"
    assert ListenV1Metadata.model_validate(metadata.content).duration == pytest.approx(1.54, abs=0.01)
    require_signed(metadata)


def test_a_callback_hears_the_rest_of_who_has_left(strict_gateway, samples_server, short_speech):
    callback = f"{samples_server.url}/results"
    with deepgram_at(strict_gateway).listen.v1.connect(**LINEAR16, callback=callback) as connection:
        connection.send_media(linear16(short_speech))
    results, metadata = samples_server.told(), samples_server.told()
    assert ListenV1Results.model_validate(results.content).channel.alternatives[0].transcript == "in 1813"
    assert ListenV1Metadata.model_validate(metadata.content).duration == pytest.approx(1.54, abs=0.01)
