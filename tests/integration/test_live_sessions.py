"""The live sessions against a real WebSocket server that cuts connections, sync and async."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from deadlines import wait_until
from live_gateway import LiveGateway, serving
from live_model import words_of

from josefine_client.errors import SessionError
from josefine_client.live.async_session import AsyncLiveSession
from josefine_client.live.errors import CertificateError, ConnectionLostError, RefusedError, SupersededError
from josefine_client.live.events import Ended, Final, Reconnected
from josefine_client.live.session import LiveSession
from josefine_client.live.settings import LiveSettings

DEADLINE_S = 60
AUDIO = bytes(range(256)) * 2
PIECES = [AUDIO[at : at + 7] for at in range(0, len(AUDIO), 7)]
HASTY = LiveSettings(first_delay_s=0.01, longest_delay_s=0.05, buffer_bytes=40)


def hear_sync(url, pieces=PIECES, **more):
    """Sends in one thread and reads in another, as an application with a microphone does."""

    def speak(session):
        for piece in pieces:
            session.send(piece)
        session.finalize()
        session.end()

    with ThreadPoolExecutor() as threads, LiveSession(url, settings=HASTY, **more) as session:
        speaking = threads.submit(speak, session)
        events = list(session)
        speaking.result(DEADLINE_S)
    return events, session.transcript()


def hear_async(url, pieces=PIECES, **more):
    async def speak(session):
        for piece in pieces:
            await session.send(piece)
        await session.finalize()
        await session.end()

    async def read(session):
        return [event async for event in session]

    async def hear():
        async with asyncio.timeout(DEADLINE_S), AsyncLiveSession(url, settings=HASTY, **more) as session:
            events, _ = await asyncio.gather(read(session), speak(session))
        return events, session.transcript()

    return asyncio.run(hear())


ways = pytest.mark.parametrize("hear", [hear_sync, hear_async])


@ways
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("close", [None, (1012, "resume"), (1011, "resume: the broker does not answer")])
def test_a_session_whose_connections_are_cut_ends_as_an_undisturbed_one(hear, seed, close):
    gateway = LiveGateway(cuts=5, seed=seed, close=close)
    with serving(gateway) as url:
        events, transcript = hear(url)

    assert bytes(gateway.session.taken) == AUDIO
    assert transcript == " ".join(words_of(AUDIO))
    finals = [event for event in events if isinstance(event, Final)]
    assert [word.word for final in finals for word in final.words] == words_of(AUDIO)
    assert sum(isinstance(event, Reconnected) for event in events) == 5
    assert isinstance(events[-1], Ended)


@ways
def test_options_key_and_last_sequence_id_reach_the_server(hear):
    gateway = LiveGateway(cuts=1, seed=1)
    options = {"encoding": "linear16", "sample_rate": 16_000, "punctuate": True, "keyterm": ["Josef", "K."]}
    with serving(gateway) as url:
        hear(url.replace("ws", "http", 1) + "/v1/listen", options=options, api_key="secret")

    first, second = gateway.queries
    assert first == {
        "encoding": ["linear16"],
        "sample_rate": ["16000"],
        "punctuate": ["true"],
        "keyterm": ["Josef", "K."],
        "resume": ["true"],
    }
    assert second["resume"][0].startswith("token-")
    assert second["sequence_id"][0].isdecimal()
    assert {headers["Authorization"] for headers in gateway.headers} == {"Token secret"}


@ways
def test_a_busy_server_is_asked_again(hear):
    gateway = LiveGateway(refusals=[503, 429])
    with serving(gateway) as url:
        _, transcript = hear(url)
    assert transcript == " ".join(words_of(AUDIO))


@ways
@pytest.mark.parametrize("status", [400, 401, 403, 410])
def test_a_refusal_is_raised_where_the_session_is_entered(hear, status):
    with (
        serving(LiveGateway(refusals=[status])) as url,
        pytest.raises(RefusedError, match=rf"Not now. \(HTTP {status}\)"),
    ):
        hear(url)


@ways
def test_a_session_that_was_taken_over_says_so_to_who_sends_and_who_reads(hear):
    with serving(LiveGateway(cuts=1, close=(1008, "superseded"))) as url, pytest.raises(SupersededError):
        hear(url)


def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


IMPATIENT = LiveSettings(give_up_after_s=0.2, first_delay_s=0.01, longest_delay_s=0.05)


def test_nobody_at_the_address_is_an_error_after_the_patience():
    session = LiveSession(f"ws://127.0.0.1:{unused_port()}", settings=IMPATIENT)
    with pytest.raises(ConnectionLostError, match=r"no connection for 0\.2 s"), session:
        pass


def test_nobody_at_the_address_is_an_error_after_the_patience_in_asyncio():
    async def enter():
        async with AsyncLiveSession(f"ws://127.0.0.1:{unused_port()}", settings=IMPATIENT):
            pass

    with pytest.raises(ConnectionLostError, match=r"no connection for 0\.2 s"):
        asyncio.run(enter())


def test_leaving_waits_until_all_is_told():
    gateway = LiveGateway()
    with serving(gateway) as url:
        with LiveSession(url) as session:
            session.send(b"abc")
        assert session.transcript() == " ".join(words_of(b"abc"))
        with pytest.raises(SessionError, match="has ended"):
            session.send(b"d")


def test_leaving_waits_until_all_is_told_in_asyncio():
    async def speak(url):
        async with AsyncLiveSession(url) as session:
            await session.send(b"abc")
        assert session.transcript() == " ".join(words_of(b"abc"))
        with pytest.raises(SessionError, match="has ended"):
            await session.send(b"d")

    with serving(LiveGateway()) as url:
        asyncio.run(speak(url))


def test_leaving_with_an_exception_closes_the_connection_and_raises_it():
    def fail(url):
        with LiveSession(url):
            raise ZeroDivisionError

    async def fail_in_asyncio(url):
        async with AsyncLiveSession(url):
            raise ZeroDivisionError

    with serving(LiveGateway()) as url:
        with pytest.raises(ZeroDivisionError):
            fail(url)
        with pytest.raises(ZeroDivisionError):
            asyncio.run(fail_in_asyncio(url))


HURRIED = LiveSettings(end_patience_s=0.1, keep_alive_s=0.05, ping_s=0.05)


def test_a_server_that_does_not_answer_the_end_is_given_up():
    with serving(LiveGateway(deaf=True)) as url:
        session = LiveSession(url, settings=HURRIED)
        with pytest.raises(ConnectionLostError, match="said nothing"), session:
            session.send(b"abc")


def test_a_server_that_does_not_answer_the_end_is_given_up_in_asyncio():
    async def speak(url):
        async with AsyncLiveSession(url, settings=HURRIED) as session:
            await session.send(b"abc")

    with serving(LiveGateway(deaf=True)) as url, pytest.raises(ConnectionLostError, match="said nothing"):
        asyncio.run(speak(url))


LARGE = LiveSettings(buffer_bytes=2**26, ping_s=0.05, first_delay_s=0.01, longest_delay_s=0.05)
PIECES_OF_LARGE = [bytes(2**20)] * 32
"""More than the buffers of a local connection hold."""


def test_a_connection_that_takes_nothing_more_is_cut_and_left():
    gateway = LiveGateway(deaf=True)

    def speak(url):
        with LiveSession(url, settings=LARGE) as session:
            for piece in PIECES_OF_LARGE:
                session.send(piece)
            wait_until(lambda: len(gateway.queries) > 1)
            raise ZeroDivisionError

    with serving(gateway) as url, pytest.raises(ZeroDivisionError):
        speak(url)


def test_a_connection_that_takes_nothing_more_is_cut_and_left_in_asyncio():
    gateway = LiveGateway(deaf=True)

    async def speak(url):
        async with AsyncLiveSession(url, settings=LARGE) as session:
            for piece in PIECES_OF_LARGE:
                await session.send(piece)
            await asyncio.to_thread(wait_until, lambda: len(gateway.queries) > 1)
            raise ZeroDivisionError

    with serving(gateway) as url, pytest.raises(ZeroDivisionError):
        asyncio.run(speak(url))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Certificate and key of a server that nobody knows."""
    folder = tmp_path_factory.mktemp("tls")
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    form = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    subprocess.run(["openssl", "req", *form, *names, *files], check=True, capture_output=True)
    return folder / "certificate.pem", folder / "key.pem"


@ways
def test_tls_is_spoken_with_servers_that_are_trusted_only(hear, certificate):
    of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    of_server.load_cert_chain(*certificate)
    with serving(LiveGateway(cuts=1), of_server) as url:
        with pytest.raises(CertificateError, match="certificate"):
            hear(url)
        _, transcript = hear(url, ssl_context=ssl.create_default_context(cafile=certificate[0]))
    assert transcript == " ".join(words_of(AUDIO))


def test_a_session_that_was_not_entered_says_so():
    with pytest.raises(SessionError, match="enter it first"):
        LiveSession("ws://127.0.0.1:1").send(b"abc")
    with pytest.raises(SessionError, match="enter it first"):
        asyncio.run(AsyncLiveSession("ws://127.0.0.1:1").send(b"abc"))


@pytest.mark.parametrize("session_class", [LiveSession, AsyncLiveSession])
def test_quiet_sessions_say_that_they_live(session_class):
    gateway = LiveGateway()
    quick = LiveSettings(keep_alive_s=0.01)

    def stay(url):
        with LiveSession(url, settings=quick):
            wait_until(lambda: len(gateway.controls) >= 3)

    async def stay_in_asyncio(url):
        async with AsyncLiveSession(url, settings=quick):
            await asyncio.to_thread(wait_until, lambda: len(gateway.controls) >= 3)

    with serving(gateway) as url:
        if session_class is LiveSession:
            stay(url)
        else:
            asyncio.run(stay_in_asyncio(url))
    assert gateway.controls[:3] == ['{"type": "KeepAlive"}'] * 3
