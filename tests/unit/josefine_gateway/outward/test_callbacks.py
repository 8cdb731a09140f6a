import asyncio
import hashlib
import hmac

import pytest
import structlog
from local_http import local_server, plain_connections

from josefine_gateway.outward.addresses import parsed
from josefine_gateway.outward.allow_list import allow_list
from josefine_gateway.outward.callbacks import CallbackLimits, Callbacks, Destination
from josefine_gateway.outward.errors import OutwardError, UrlRefusedError
from josefine_gateway.outward.signature import HEADER, signature
from josefine_gateway.outward.transport import CheckedTransport

LOCAL = allow_list(["receiver.example", "127.0.0.1"])
LIMITS = CallbackLimits(attempts=4, first_wait_s=1, longest_wait_s=3, timeout_s=10, waiting=2)
DRAIN_S = 30.0


async def _resolve(host, port):
    return [parsed("127.0.0.1" if host == "receiver.example" else "10.0.0.1")]


class Waits:
    """Sleeps no time, and remembers for how long."""

    def __init__(self):
        self.seconds = []

    async def __call__(self, seconds):
        self.seconds.append(seconds)


def _callbacks(waits=None, limits=LIMITS):
    transport = CheckedTransport(LOCAL, _resolve, plain_connections())
    return Callbacks(LOCAL, limits, transport, sleep=waits or Waits(), epoch_s=lambda: 1_700_000_000.5)


def _deliver(port, bodies, waits=None, **destination):
    async def scene():
        callbacks = _callbacks(waits)
        to = Destination(f"http://receiver.example:{port}/done?token=x", "request-1", **destination)
        async with callbacks.lane(to) as lane:
            for body in bodies:
                await lane.post(body)
        await callbacks.drain(DRAIN_S)

    with structlog.testing.capture_logs() as logs:
        asyncio.run(scene())
    return logs


def _ok(asked):
    return 200, {"content-length": "0"}, b""


def test_messages_arrive_in_order_and_signed():
    bodies = [b'{"text":"%d"}' % number for number in range(10)]
    with local_server(_ok) as server:
        assert _deliver(server.port, bodies, secret="s" * 16, method="PUT") == []
    assert [asked.body for asked in server.asked] == bodies
    first = server.asked[0]
    assert (first.method, first.path) == ("PUT", "/done?token=x")
    assert first.headers["dg-request-id"] == "request-1"
    assert first.headers["content-type"] == "application/json"
    expected = hmac.new(b"s" * 16, b"1700000000." + bodies[0], hashlib.sha256).hexdigest()
    assert first.headers[HEADER] == f"t=1700000000,v1={expected}" == signature("s" * 16, bodies[0], 1_700_000_000)


def test_without_a_secret_there_is_no_signature():
    with local_server(_ok) as server:
        _deliver(server.port, [b"{}"])
    assert HEADER not in server.asked[0].headers


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_receiver_in_trouble_is_tried_again_after_growing_waits(status):
    answers = iter([status, status, 200])
    waits = Waits()
    with local_server(lambda asked: (next(answers), {"content-length": "0"}, b"")) as server:
        assert _deliver(server.port, [b"{}"], waits) == []
    assert len(server.asked) == 3
    assert len(waits.seconds) == 2
    assert waits.seconds[0] < waits.seconds[1] <= 3


def test_one_that_stays_in_trouble_is_given_up_and_later_results_do_not_overtake():
    with local_server(lambda asked: (503, {"content-length": "0"}, b"")) as server:
        logs = _deliver(server.port, [b"the first secret words"] + [b"more"] * 20)
    assert [asked.body for asked in server.asked] == [b"the first secret words"] * LIMITS.attempts
    assert [log["event"] for log in logs] == ["give_up_callback"]
    assert logs[0]["request_id"] == "request-1"
    assert logs[0]["attempts"] == LIMITS.attempts
    assert not any(word in str(logs) for word in ("secret", "token", "receiver"))


@pytest.mark.parametrize("status", [301, 302, 400, 404, 410])
def test_a_refusal_or_a_redirect_is_not_tried_again(status):
    answer = (status, {"content-length": "0", "location": "http://10.0.0.1/"}, b"")
    with local_server(lambda asked: answer) as server:
        logs = _deliver(server.port, [b"{}"])
    assert len(server.asked) == 1
    assert [log["reason"] for log in logs] == [f"status {status}"]


@pytest.mark.parametrize(
    "url", ["http://inner.example/", "http://127.0.0.2/", "ftp://receiver.example/", "", "http://["]
)
def test_a_url_that_may_not_be_called_is_refused_before_the_work(url):
    with pytest.raises(UrlRefusedError):
        asyncio.run(_callbacks().require(url))


def test_a_name_with_an_inner_address_is_refused_before_the_work_and_at_the_call():
    async def scene(method):
        allowed = allow_list(["public"])
        callbacks = Callbacks(allowed, LIMITS, CheckedTransport(allowed, _resolve, plain_connections()), sleep=Waits())
        try:
            await method(callbacks)
        finally:
            await callbacks.drain(DRAIN_S)

    with pytest.raises(OutwardError):
        asyncio.run(scene(lambda callbacks: callbacks.require("http://inner.example/")))
    with structlog.testing.capture_logs() as logs:
        to = Destination("http://inner.example/", "request-1")
        asyncio.run(scene(lambda callbacks: callbacks.send(to, b"{}")))
    assert [(log["event"], log["attempts"]) for log in logs] == [("give_up_callback", 1)]


def test_what_is_under_way_at_the_end_is_dropped_after_the_deadline_and_said():
    async def scene():
        forever = asyncio.Event()
        callbacks = _callbacks(lambda seconds: forever.wait())
        for number in range(3):
            await callbacks.send(Destination(f"http://receiver.example:{server.port}/", f"request-{number}"), b"{}")
        await callbacks.drain(0.1)

    with (
        structlog.testing.capture_logs() as logs,
        local_server(lambda _: (503, {"content-length": "0"}, b"")) as server,
    ):
        asyncio.run(scene())
    assert [(log["event"], log["requests"]) for log in logs] == [("drop_callbacks", 3)]
