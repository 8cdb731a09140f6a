"""Who may come in: replicas with keys in a file and in Redis, with TLS, and one that nobody protected."""

import json
import os
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from deadlines import wait_until
from gateways import gateway_beside
from raw_sockets import PATIENCE_S, SAMPLES
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync import client

from josefine_state.api_keys import ApiKey, Scope, digest_of, new_key
from josefine_state.key_file import KeyFile
from josefine_state.key_store import KeyStore
from josefine_state.line import Line

WORDS = "ask not what your country can do for you"
RESUME = f"{SAMPLES}&resume=true"
connect = partial(client.connect, open_timeout=PATIENCE_S)


class Doorkeeper:
    """A replica that asks for keys, and the book they are in."""

    def __init__(self, gateway, book, kind):
        self.gateway, self.book, self.kind = gateway, book, kind
        self.secrets = []
        """What must not be in the log."""

    def key(self, id_, **more):
        key = new_key()
        self.secrets.append(key)
        # Replicas with other keys count in the same Redis.
        self.book.add(ApiKey(id=f"{id_}-{self.kind}", hash=digest_of(key), **more))
        return key

    def read(self, *headers, query=""):
        """Returns the status of a request without work, with these headers: 400 where the key is good."""
        return httpx.post(f"{self.gateway.url}/v1/read{query}", headers=list(headers), timeout=PATIENCE_S)

    @contextmanager
    def live(self, key, path=SAMPLES):
        """Gives a live session and notes its token."""
        headers = {"Authorization": f"Token {key}"}
        url = self.gateway.ws_url + path
        with connect(url, additional_headers=headers) as websocket:
            self.secrets.append(websocket.response.headers["josefine-resume-token"])
            yield websocket

    def refusal(self, key, path=SAMPLES):
        """Returns the answer to a handshake that is refused."""
        with pytest.raises(InvalidStatus) as caught, self.live(key, path):
            pass
        return caught.value.response


def authorization(key):
    return ("Authorization", f"Token {key}")


@pytest.fixture(scope="module", params=["file", "redis"])
def doorkeeper(request, engine_of_kind, tmp_path_factory):
    """A replica with keys of each kind. Whatever its clients did, its log has no secret and no speech."""
    stack = engine_of_kind("kafka")
    line = Line(stack.redis_url)
    path = tmp_path_factory.mktemp("keys") / "keys.jsonl"
    book = KeyFile(path) if request.param == "file" else KeyStore(line)
    book.add(ApiKey(id="first", hash=digest_of(new_key())))
    place = str(path) if request.param == "file" else "redis"
    with gateway_beside(stack, JOSEFINE_API_KEYS=place, JOSEFINE_FETCH_HOSTS="127.0.0.1") as gateway:
        made = Doorkeeper(gateway, book, request.param)
        yield made
        log = gateway.log.read_text()
        assert "gateway_started" in log
        assert not [secret for secret in made.secrets if secret in log or secret[:30] in log]
        assert "country" not in log.lower()
        assert "Traceback" not in log
    line.close()


def known(doorkeeper, key):
    """Returns whether the key opens the door: a file is looked at once a second."""
    return doorkeeper.read(authorization(key)).status_code == 400


def test_only_a_good_key_at_the_right_place_opens(doorkeeper):
    key = doorkeeper.key("places")
    wait_until(lambda: known(doorkeeper, key))
    wrong = new_key()
    assert doorkeeper.read(("Authorization", f"bearer {key}")).status_code == 400
    refused = [
        doorkeeper.read(),
        doorkeeper.read(authorization(wrong)),
        doorkeeper.read(("Authorization", key)),
        doorkeeper.read(("Authorization", f"Basic {key}")),
        doorkeeper.read(("Authorization", f"Token {key} {key}")),
        doorkeeper.read(("Authorization", f"Token {'a' * 5_000}")),
        doorkeeper.read(("X-API-Key", key)),
        doorkeeper.read(("Cookie", f"key={key}; token={key}")),
        doorkeeper.read(("Sec-WebSocket-Protocol", f"token, {key}")),
        doorkeeper.read(authorization(key), authorization(key)),
        doorkeeper.read(authorization(key), authorization(wrong)),
        doorkeeper.read(query=f"?token={key}&key={key}&api_key={key}"),
    ]
    for answer in refused:
        assert answer.status_code == 401
        assert answer.json()["err_code"] == "INVALID_AUTH"
        assert answer.headers["www-authenticate"] == "Token"
        assert key not in answer.text


def test_a_key_in_the_query_is_not_repeated(doorkeeper):
    key = doorkeeper.key("query")
    wait_until(lambda: known(doorkeeper, key))
    assert key not in doorkeeper.read(authorization(key), query=f"?token={key}").text


def test_browsers_bring_the_key_as_a_subprotocol(doorkeeper):
    key = doorkeeper.key("browser")
    wait_until(lambda: known(doorkeeper, key))
    url = doorkeeper.gateway.ws_url + SAMPLES
    with connect(url, subprotocols=["token", key], origin="https://app.example") as websocket:
        assert websocket.subprotocol == "token"
        doorkeeper.secrets.append(websocket.response.headers["josefine-resume-token"])
        assert key not in str(websocket.response.headers)
    for protocols in (["token", new_key()], ["token"], ["token", key, key]):
        with pytest.raises(InvalidStatus) as caught:
            connect(url, subprotocols=protocols)
        assert caught.value.response.status_code == 401
    with pytest.raises(InvalidStatus) as caught:
        connect(url, subprotocols=["token", key], additional_headers=[authorization(key)])
    assert caught.value.response.status_code == 401


def test_a_key_ends_without_a_restart(doorkeeper):
    key = doorkeeper.key("revoked")
    expired = doorkeeper.key("expired", expires=datetime.now(UTC) - timedelta(seconds=1))
    wait_until(lambda: known(doorkeeper, key))
    assert not known(doorkeeper, expired)
    doorkeeper.book.revoke(f"revoked-{doorkeeper.kind}")
    wait_until(lambda: not known(doorkeeper, key))
    assert doorkeeper.refusal(key).status_code == 401
    assert doorkeeper.refusal(expired).status_code == 401


def test_a_key_opens_what_its_scopes_name(doorkeeper):
    listens = doorkeeper.key("listens", scopes=(Scope.LISTEN,))
    reads = doorkeeper.key("reads", scopes=(Scope.READ,))
    wait_until(lambda: known(doorkeeper, reads))
    assert doorkeeper.read(authorization(listens)).status_code == 403
    assert doorkeeper.refusal(reads).status_code == 403
    for path in ("/v1/listen", "/v1/audio/transcriptions"):
        answer = httpx.post(doorkeeper.gateway.url + path, headers=[authorization(reads)], timeout=PATIENCE_S)
        assert answer.status_code == 403
    answer = httpx.get(f"{doorkeeper.gateway.url}/console/pipeline", headers=[authorization(reads)], timeout=PATIENCE_S)
    assert answer.status_code == 403
    with doorkeeper.live(listens):
        pass


def test_a_key_has_so_much_and_is_told_when_there_is_more(doorkeeper):
    one = doorkeeper.key("one", max_sessions=1)
    two = doorkeeper.key("two", requests_per_minute=3)
    wait_until(lambda: known(doorkeeper, two))
    with doorkeeper.live(one):
        refused = doorkeeper.refusal(one)
        assert (refused.status_code, int(refused.headers["retry-after"])) == (429, 5)
        audio = httpx.post(
            f"{doorkeeper.gateway.url}/v1/listen", content=b"a", headers=[authorization(one)], timeout=PATIENCE_S
        )
        assert (audio.status_code, audio.json()["err_code"]) == (429, "TOO_MANY_REQUESTS")
    wait_until(lambda: opens(doorkeeper, one))
    statuses = [doorkeeper.read(authorization(two)) for _ in range(3)]
    assert [answer.status_code for answer in statuses] == [400, 400, 429]
    assert 1 <= int(statuses[-1].headers["retry-after"]) <= 60
    assert doorkeeper.refusal(two).status_code == 429


def opens(doorkeeper, key):
    try:
        with doorkeeper.live(key):
            return True
    except InvalidStatus:
        return False


def test_a_session_belongs_to_its_key(doorkeeper):
    mine, theirs = doorkeeper.key("mine"), doorkeeper.key("theirs")
    wait_until(lambda: known(doorkeeper, theirs))
    with doorkeeper.live(mine, RESUME) as websocket:
        token = json.loads(websocket.recv(PATIENCE_S))["resume_token"]
        doorkeeper.secrets.append(token)
        for key, wrong in ((theirs, token), (mine, token[:-1]), (mine, "a" * 2_000), (mine, "%00")):
            refused = doorkeeper.refusal(key, f"{SAMPLES}&resume={wrong}")
            assert (refused.status_code, json.loads(refused.body)["err_code"]) == (400, "RESUME_REFUSED")
        with doorkeeper.live(mine, f"{SAMPLES}&resume={token}") as again:
            assert json.loads(again.recv(PATIENCE_S))["resumed"]
        with pytest.raises(ConnectionClosed) as caught:
            websocket.recv(PATIENCE_S)
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "superseded")


def test_a_session_goes_on_as_it_began(doorkeeper):
    key = doorkeeper.key("goes-on")
    wait_until(lambda: known(doorkeeper, key))
    with doorkeeper.live(key, RESUME) as websocket:
        token = json.loads(websocket.recv(PATIENCE_S))["resume_token"]
        doorkeeper.secrets.append(token)
        for other in (SAMPLES.replace("16000", "8000"), f"{SAMPLES}&interim_results=true"):
            refused = doorkeeper.refusal(key, f"{other}&resume={token}")
            assert refused.status_code == 400
            assert "sample_rate" in json.loads(refused.body)["err_msg"]
        # What is told may change: not what the pipeline hears.
        with doorkeeper.live(key, f"{SAMPLES}&vad_events=true&resume={token}") as again:
            assert json.loads(again.recv(PATIENCE_S))["resumed"]


def test_a_session_that_waits_for_its_client_counts(doorkeeper):
    key = doorkeeper.key("waits", max_sessions=1)
    wait_until(lambda: known(doorkeeper, key))
    with doorkeeper.live(key, RESUME) as websocket:
        token = json.loads(websocket.recv(PATIENCE_S))["resume_token"]
        doorkeeper.secrets.append(token)
        websocket.socket.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: doorkeeper.gateway.status()["parked_sessions"] == 1)
    assert doorkeeper.refusal(key).status_code == 429
    with doorkeeper.live(key, f"{SAMPLES}&resume={token}") as again:
        assert json.loads(again.recv(PATIENCE_S))["resumed"]
    wait_until(lambda: opens(doorkeeper, key))


def test_a_port_that_others_have_is_one_readable_line(doorkeeper):
    environment = {**os.environ, **doorkeeper.gateway.environment, "JOSEFINE_METRICS_PORT": "0"}
    command = [sys.executable, "-m", "josefine_gateway"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    [line] = [line for line in done.stderr.splitlines() if line.startswith("josefine: ")]
    assert f"JOSEFINE_HTTP_PORT={doorkeeper.gateway.port}: cannot listen there" in line


def test_a_server_that_others_reach_does_not_start_without_keys():
    environment = {**os.environ, "JOSEFINE_HTTP_HOST": "0.0.0.0", "JOSEFINE_API_KEYS": ""}
    command = [sys.executable, "-m", "josefine_gateway"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if "0.0.0.0" in line and "josefine keys create" in line]
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Files with a certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    return folder / "certificate.pem", folder / "key.pem"


def test_https_and_wss(engine_of_kind, certificate, sample_path):
    trusting = ssl.create_default_context(cafile=certificate[0])
    audio = sample_path("jfk.flac").read_bytes()
    environment = {"JOSEFINE_TLS_CERTIFICATE": str(certificate[0]), "JOSEFINE_TLS_KEY": str(certificate[1])}
    with gateway_beside(engine_of_kind("kafka"), **environment) as gateway:
        url = f"https://127.0.0.1:{gateway.port}/v1/listen"
        answer = httpx.post(url, content=audio, verify=trusting, timeout=PATIENCE_S).json()
        assert WORDS in answer["results"]["channels"][0]["alternatives"][0]["transcript"]
        with connect(url.replace("https", "wss"), ssl=trusting) as websocket:
            websocket.send(audio)
            websocket.send('{"type": "CloseStream"}')
            heard = [json.loads(message) for message in websocket]
        finals = [each["channel"]["alternatives"][0]["transcript"] for each in heard if each["type"] == "Results"]
        assert WORDS in " ".join(finals)
        with pytest.raises(httpx.TransportError):
            httpx.post(url.replace("https", "http"), content=audio)
        with connect(url.replace("https", "wss"), ssl=trusting, compression=None) as websocket:
            with suppress(ConnectionClosed):
                websocket.send(bytes(20_000_000))
            with pytest.raises(ConnectionClosed) as caught:
                websocket.recv(PATIENCE_S)
            assert caught.value.rcvd.code == 1009
        assert "country" not in gateway.log.read_text().lower()
