"""Connections and replicas that are lost in the middle of speech: nobody is told less, more or otherwise for it."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from deadlines import wait_until
from gateways import gateway_beside
from resumed_speech import Spoken, line_to, recording, taken_audio, url_of

from josefine_client.live.events import Ended, SpeechStarted, UtteranceEnd
from josefine_kafka.connection import Broker

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

CUTS = 10
FREEZES = (2, 6)
"""Which of these leave a line that takes everything and brings nothing."""
EARLY = (4, 8)
"""Which of these do not wait until the line stands again after the one before."""
SESSIONS = 4


@pytest.fixture(scope="module")
def words(sample_path):
    """Half a minute: a slow machine's replicas begin, and its lines stand again, while there is more to say."""
    return recording(sample_path("lj050-0131.wav"), times=4)


@pytest.fixture(scope="module")
def undisturbed(words, gateway):
    """What is heard where nothing happens."""
    spoken = Spoken()
    words.hear(gateway.ws_url, spoken)
    assert len(spoken.finals) > 1
    return spoken


@pytest.fixture
def broker(gateway, engine_of_kind):
    return Broker(engine_of_kind("kafka").bootstrap_servers)


@pytest.fixture
def beside():
    """Runs a function beside the test, with a session to fill; gives both."""
    with ThreadPoolExecutor(16) as threads:

        def begun(hear, where):
            spoken = Spoken()
            return spoken, threads.submit(hear, where, spoken)

        yield begun


@pytest.fixture
def begun_ms():
    return int(time.time() * 1000)


def assert_same(spoken, undisturbed):
    assert spoken.words == undisturbed.words
    assert [final.sequence_id for final in spoken.finals] == [final.sequence_id for final in undisturbed.finals]
    assert spoken.transcript == undisturbed.transcript
    assert isinstance(spoken.events[-1], Ended)
    # When these come depends on the interims, which are fewer where more is to be done: they are not repeated.
    for times_s in (
        [event.at_s for event in of(SpeechStarted, spoken)],
        [event.last_word_end_s for event in of(UtteranceEnd, spoken)],
    ):
        assert times_s == sorted(set(times_s))


def of(kind, spoken):
    return [event for event in spoken.events if isinstance(event, kind)]


def test_lines_that_are_cut_and_frozen_ten_times(words, undisturbed, gateway, broker, beside, begun_ms):
    chance = random.Random(7)
    places_s = sorted(chance.uniform(0.5, words.length_s / 2) for _ in range(CUTS))
    with line_to(gateway) as one, line_to(gateway) as other:
        in_threads, threads_done = beside(words.hear, url_of(one))
        in_asyncio, asyncio_done = beside(words.hear_in_asyncio, url_of(other))
        over_kafka, kafka_done = beside(words.hear_over_kafka, broker)
        for number, place_s in enumerate(places_s):
            for line, spoken in ((one, in_threads), (other, in_asyncio)):
                stands = number - sum(early <= number for early in EARLY)
                wait_until(lambda spoken=spoken, at_s=place_s: spoken.sent_s >= at_s)
                wait_until(lambda spoken=spoken, stands=stands: len(spoken.back_s) >= stands)
                (line.freeze if number in FREEZES else line.cut)()
        for done in (threads_done, asyncio_done, kafka_done):
            done.result()
    assert_same(in_threads, undisturbed)
    assert_same(in_asyncio, undisturbed)
    assert over_kafka.words == undisturbed.words
    assert min(len(in_threads.back_s), len(in_asyncio.back_s)) >= CUTS - len(EARLY)
    assert taken_audio(broker, begun_ms) == [words.audio] * 3


def test_replicas_that_are_killed_stopped_and_drained(
    words, undisturbed, gateway, engine_of_kind, broker, beside, begun_ms
):
    stack = engine_of_kind("kafka")
    with gateway_beside(stack) as first, gateway_beside(stack) as second, line_to(first) as line:
        sessions = [beside(words.hear, url_of(line)) for _ in range(SESSIONS)]
        all_spoken = [spoken for spoken, _ in sessions]

        def spoken_for(seconds):
            wait_until(lambda: min(spoken.sent_s for spoken in all_spoken) >= seconds)

        def back(times):
            wait_until(lambda: min(len(spoken.back_s) for spoken in all_spoken) >= times)

        spoken_for(3.0)
        line.server = ("127.0.0.1", second.port)
        first.kill()
        back(1)
        first.start()
        line.server = ("127.0.0.1", first.port)
        second.pause()
        back(2)
        second.go_on()
        spoken_for(12.0)
        line.server = ("127.0.0.1", second.port)
        assert first.end() == 0
        back(3)
        for _, done in sessions:
            done.result()
    for spoken in all_spoken:
        assert_same(spoken, undisturbed)
    assert taken_audio(broker, begun_ms) == [words.audio] * SESSIONS
