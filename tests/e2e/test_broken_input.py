"""Whatever a producer sends: a clear error or a marked gap, and nobody else notices."""

import struct
import uuid

import numpy as np
import pytest

from josefine_client.chunks import ChunkNumbering, Session
from josefine_client.pacing import Piece
from josefine_client.player import Recording
from josefine_wire.positions import samples
from josefine_wire.records import session_config

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

RATE_HZ = 16_000
CHUNK_S = 0.5


def raw_session(name, mode="RECORDED", **config):
    return Session(name, session_config(mode, **config), "linear16", RATE_HZ, 1)


def chunks_of(audio, session, *, end=True, producer_id="producer"):
    """Returns the records of a session of raw samples, half a second each."""
    size = int(CHUNK_S * RATE_HZ) * 2
    numbering = ChunkNumbering(session, producer_id, 1_700_000_000_000, size)
    chunks = numbering.chunks(audio.astype("<i2").tobytes(), end=end)
    # The time of capture tells how much is missing where a chunk is.
    return [{**chunk, "captured_at": int((1.7e9 + CHUNK_S * (chunk["sequence"] + 1)) * 1e6)} for chunk in chunks]


def assert_same_words(result, expected):
    """Compares words, and their times within two of the model's steps of 20 ms: the last digits of a sum depend on
    what else is in a batch.
    """
    heard, wanted = ([word for final in each.finals() for word in final["words"]] for each in (result, expected))
    assert [word["punctuated_word"] for word in heard] == [word["punctuated_word"] for word in wanted]
    for edge in ("start_sample", "end_sample"):
        assert [word[edge] for word in heard] == pytest.approx([word[edge] for word in wanted], abs=samples(0.04))


@pytest.fixture
def beside(client, sample_path, one_piece):
    """Runs something while a good session runs, and checks that the good one is as it is alone."""
    good_bytes = sample_path("jfk.flac").read_bytes()
    alone = client.play(one_piece(good_bytes, uuid.uuid4().hex))
    [expected] = [each.result for each in alone.finished.values()]

    def run(*bad):
        good = one_piece(good_bytes, uuid.uuid4().hex)
        played = client.play(*bad, good)
        result = played.finished[good.session.session_id].result
        assert result.error is None
        assert [final["text"] for final in result.finals()] == [final["text"] for final in expected.finals()]
        assert_same_words(result, expected)
        return played

    return run


def name():
    return uuid.uuid4().hex


def header_only(wav_bytes):
    return wav_bytes(np.zeros(0, np.int16))


def claims_too_much(wav_bytes):
    """A WAV whose header promises an hour and whose file holds a tenth of a second."""
    whole = bytearray(wav_bytes(np.zeros(1_600, np.int16)))
    whole[40:44] = struct.pack("<I", 3600 * RATE_HZ * 2)
    return bytes(whole)


def test_files_that_are_no_audio_get_a_clear_error_each(beside, wav_bytes, one_piece, sample_path):
    flac = sample_path("jfk.flac").read_bytes()
    bad = {
        "empty": b"",
        "text": b"Dear diary, today I was called a WAV.\n" * 40,
        "header": header_only(wav_bytes),
        "zeros": bytes(5_000),
        "noise": np.random.default_rng(1).bytes(60_000),
        "magic": flac[:30],
    }
    names = {what: f"{what}-{name()}" for what in bad}

    played = beside(*(one_piece(payload, names[what]) for what, payload in bad.items()))

    for what in bad:
        result = played.finished[names[what]].result
        assert result.reason == "ERROR", what
        assert result.error["code"], what
        assert 10 < len(result.error["message"]) < 200, what
        assert "\n" not in result.error["message"]
        assert played.text(names[what]) == ""


def test_no_number_of_bad_files_stops_the_engine(beside, one_piece):
    # More than a stage puts aside in a minute before it takes itself for broken (JOSEFINE_DEAD_LETTERS_PER_MINUTE).
    bad = [one_piece(b"no audio", f"bad-{number}-{name()}") for number in range(140)]

    played = beside(*bad)

    assert {played.finished[each.session.session_id].result.reason for each in bad} == {"ERROR"}


def test_odd_but_honest_files_are_processed(beside, wav_bytes, one_piece):
    one, promise = name(), name()

    played = beside(one_piece(wav_bytes(np.ones(1, np.int16)), one), one_piece(claims_too_much(wav_bytes), promise))

    for session_id in (one, promise):
        result = played.finished[session_id].result
        assert result.complete
        assert played.text(session_id) == ""
    assert played.finished[one].result.length_samples == 1


def test_a_file_that_breaks_off_keeps_what_came_before(beside, one_piece, sample_path):
    flac = sample_path("jfk.flac").read_bytes()
    torn, holed = name(), name()
    damaged = bytearray(flac)
    damaged[len(flac) // 2 : len(flac) // 2 + 2_000] = bytes(2_000)

    played = beside(one_piece(flac[: len(flac) * 2 // 3], torn), one_piece(bytes(damaged), holed))

    for session_id in (torn, holed):
        assert "my fellow Americans" in played.text(session_id)
        assert played.finished[session_id].result.complete
    result = played.finished[holed].result
    assert result.error is not None or result.gaps(), "a damaged stretch must be marked"


def test_a_wrong_description_is_an_error_that_names_the_field(client):
    wrong = {
        "encoding": (raw_session(name()), {"encoding": "mp4"}),
        "sample_rate_hz": (raw_session(name()), {"sample_rate_hz": 100}),
        "channels": (raw_session(name()), {"channels": 0}),
    }
    for field, (session, change) in wrong.items():
        [chunk] = chunks_of(np.zeros(10), session)
        client.collector.expect(session.session_id)
        client.write([{**chunk, "start": {**chunk["start"], **change}}], session.session_id)
        client.wait(session.session_id)
        result = client.collector.expect(session.session_id)
        assert result.reason == "ERROR"
        assert field in result.error["message"]


def test_an_unknown_model_is_an_error(client, one_piece, sample_path):
    session_id = name()

    played = client.play(one_piece(sample_path("lj002-0020.wav").read_bytes(), session_id, model="no-such-model"))

    result = played.finished[session_id].result
    assert result.reason == "ERROR"
    assert "no-such-model" in result.error["message"]


def test_bytes_that_are_no_record_go_to_dead_letters_whole(client, beside, tail_of):
    with tail_of("dead.letters") as letters:
        junk = [b"", b"\x00" * 20, b"\xc3\x01" + bytes(8) + b"unknown schema"]
        client.write(junk, "junk")
        beside()
        found = letters(len(junk), lambda letter: letter["key"] == b"junk")

    assert [letter["value"] for letter in found] == junk
    assert {letter["stage"] for letter in found} == {"ingest"}
    assert all(letter["reason"] for letter in found)


def test_a_missing_chunk_is_a_gap_of_its_length(client, speech):
    whole, holed = raw_session(name()), raw_session(name())
    for session in (whole, holed):
        client.collector.expect(session.session_id)
    client.write(chunks_of(speech, whole), whole.session_id)
    missing = 9
    client.write([c for c in chunks_of(speech, holed) if c["sequence"] != missing], holed.session_id)
    client.wait(whole.session_id, holed.session_id)

    result = client.collector.expect(holed.session_id)
    [found] = result.gaps()
    assert found.gap["reason"] == "missing_chunks"
    assert found.gap["start_sample"] == pytest.approx(samples(missing * CHUNK_S), abs=RATE_HZ // 10)
    assert found.gap["samples"] == pytest.approx(samples(CHUNK_S), abs=RATE_HZ // 10)
    # What follows keeps its place in time.
    assert result.length_samples == client.collector.expect(whole.session_id).length_samples
    assert "fellow Americans" in result.finals()[0]["text"]


def test_repeated_and_late_records_change_nothing(client, speech, tail_of):
    plain, stuttering = raw_session(name()), raw_session(name())
    for session in (plain, stuttering):
        client.collector.expect(session.session_id)
    client.write(chunks_of(speech, plain), plain.session_id)
    chunks = chunks_of(speech, stuttering)
    twice = [again for chunk in chunks for again in (chunk, chunk)]
    with tail_of("dead.letters") as letters:
        late = {**chunks[-1], "sequence": len(chunks), "end": False}
        client.write([*twice, late], stuttering.session_id)
        client.wait(plain.session_id, stuttering.session_id)
        [letter] = letters(1, lambda letter: letter["session_id"] == stuttering.session_id)

    assert letter["code"] == "after_end"
    assert_same_words(*(client.collector.expect(session.session_id) for session in (plain, stuttering)))


def test_a_second_producer_is_refused_and_the_first_one_goes_on(client, speech, tail_of):
    session = raw_session(name())
    mine = chunks_of(speech, session, producer_id="first")
    theirs = chunks_of(speech[::-1], session, producer_id="second")
    mixed = [chunk for pair in zip(mine, theirs, strict=True) for chunk in pair]
    client.collector.expect(session.session_id)
    with tail_of("dead.letters") as letters:
        client.write(mixed, session.session_id)
        client.wait(session.session_id)
        found = letters(len(theirs), lambda letter: letter["session_id"] == session.session_id)

    assert {letter["code"] for letter in found} == {"second_producer"}
    result = client.collector.expect(session.session_id)
    assert "ask not what your country" in result.finals()[0]["text"]
    assert (result.reason, result.gaps()) == ("COMPLETE", [])


@pytest.mark.parametrize("mode", ["LIVE", "RECORDED"])
def test_a_session_that_never_ends_is_ended_and_keeps_its_words(client, beside, speech, mode):
    session = raw_session(name(), mode)
    client.collector.expect(session.session_id)
    client.write(chunks_of(speech, session, end=False), session.session_id)

    beside()
    client.wait(session.session_id)

    result = client.collector.expect(session.session_id)
    assert result.reason == "IDLE_TIMEOUT"
    assert "country" in " ".join(final["text"] for final in result.finals())


def test_a_session_without_a_beginning_goes_to_dead_letters(client, speech, tail_of):
    session = raw_session(name())
    headless = chunks_of(speech[:RATE_HZ], session)[1:]
    with tail_of("dead.letters") as letters:
        client.write(headless, session.session_id)
        found = letters(len(headless), lambda letter: letter["session_id"] == session.session_id)

    assert len(found) == len(headless)


def test_twenty_minutes_of_silence_give_no_word_and_harm_nobody(client, beside, flac_bytes):
    silence = flac_bytes(np.zeros(20 * 60 * RATE_HZ, np.int16))
    session_id = name()

    played = beside(Recording(Session(session_id, session_config("RECORDED")), [Piece(silence, 0.0)]))

    result = played.finished[session_id].result
    assert (result.reason, result.error) == ("COMPLETE", None)
    assert played.text(session_id) == ""
    assert result.length_samples == 20 * 60 * RATE_HZ
