import asyncio
import gzip
import socket

import httpx
import pytest
from local_http import local_server, plain_connections

from josefine_gateway.outward.addresses import parsed
from josefine_gateway.outward.allow_list import allow_list
from josefine_gateway.outward.errors import OutwardError, TooLargeError, UnreachableError, UrlRefusedError
from josefine_gateway.outward.fetch import Fetcher, FetchLimits
from josefine_gateway.outward.resolver import Resolver
from josefine_gateway.outward.transport import CheckedTransport

LIMITS = FetchLimits(max_bytes=1_000_000, total_s=30, silent_s=10)
LOCAL = allow_list(["media.example", "127.0.0.1"])


def _names(**addresses):
    async def resolve(host, port):
        if host not in addresses:
            raise OSError("no such name")
        return [parsed(address) for address in addresses[host]]

    return resolve


MEDIA = _names(**{"media.example": ["127.0.0.1"], "127.0.0.1": ["127.0.0.1"]})


def _fetch(url, allowed=LOCAL, limits=LIMITS, resolve=MEDIA):
    async def scene():
        fetcher = Fetcher(allowed, limits, CheckedTransport(allowed, resolve, plain_connections()))
        try:
            async with fetcher.open(url) as fetched:
                return fetched, b"".join([chunk async for chunk in fetched.chunks()])
        finally:
            await fetcher.close()

    return asyncio.run(scene())


def _answers(**pages):
    return local_server(lambda asked: pages.get(asked.path.strip("/"), (404, {}, b"")))


def test_a_recording_comes_from_the_address_that_was_checked_under_its_name():
    sound = bytes(range(256)) * 1_000
    page = (200, {"content-type": "audio/wav", "content-length": str(len(sound))}, sound)
    with _answers(a=page) as server:
        fetched, body = _fetch(f"http://media.example:{server.port}/a")
    assert body == sound
    assert fetched.length_bytes == len(sound)
    assert server.asked[0].headers["host"] == f"media.example:{server.port}"
    assert server.asked[0].headers["accept-encoding"] == "identity"


def test_a_body_without_a_length_is_read_to_its_end():
    with _answers(a=(200, {}, b"sound")) as server:
        assert _fetch(f"http://media.example:{server.port}/a")[1] == b"sound"


def test_an_address_that_does_not_answer_is_passed_over():
    resolve = _names(**{"media.example": ["127.0.0.2", "127.0.0.1"]})
    with _answers(a=(200, {}, b"sound")) as server:
        allowed = allow_list(["media.example", "127.0.0.0/8"])
        assert _fetch(f"http://media.example:{server.port}/a", allowed, resolve=resolve)[1] == b"sound"


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["169.254.169.254"], ["::ffff:7f00:1"]])
def test_a_public_name_with_an_inner_address_is_not_connected_to(addresses):
    with _answers(a=(200, {}, b"secret")) as server:
        with pytest.raises(UrlRefusedError) as caught:
            _fetch(
                f"http://media.example:{server.port}/a",
                allow_list(["public"]),
                resolve=_names(**{"media.example": addresses}),
            )
        assert server.asked == []
    assert not any(address in str(caught.value) for address in addresses)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "127.1"])
def test_ways_to_write_this_machine_are_refused(host):
    with _answers(a=(200, {}, b"secret")) as server:
        with pytest.raises(OutwardError):
            _fetch(f"http://{host}:{server.port}/a", allow_list(["public"]), resolve=Resolver())
        assert server.asked == []


def test_a_name_that_points_elsewhere_a_moment_later_gains_nothing():
    turns = [["127.0.0.1"], ["127.0.0.9"]]

    async def resolve(host, port):
        return [parsed(address) for address in turns.pop(0)]

    with _answers(a=(200, {}, b"sound")) as server:
        assert _fetch(f"http://media.example:{server.port}/a", resolve=resolve)[1] == b"sound"
    assert len(turns) == 1


def test_a_redirect_is_followed_where_it_may_be():
    pages = {"a": (302, {"location": "/b", "content-length": "0"}, b""), "b": (200, {}, b"sound")}
    with _answers(**pages) as server:
        assert _fetch(f"http://media.example:{server.port}/a")[1] == b"sound"


@pytest.mark.parametrize(
    "location", ["http://inner.example/", "http://10.0.0.1/", "file:///etc/passwd", "ftp://media.example/", "http://["]
)
def test_a_redirect_to_where_the_server_may_not_go_is_refused(location):
    with (
        _answers(a=(302, {"location": location, "content-length": "0"}, b"")) as server,
        pytest.raises(OutwardError),
    ):
        _fetch(f"http://media.example:{server.port}/a")
    assert len(server.asked) == 1


def test_redirects_end():
    with _answers(a=(302, {"location": "/a", "content-length": "0"}, b"")) as server:
        with pytest.raises(UnreachableError, match="redirects"):
            _fetch(f"http://media.example:{server.port}/a")
        assert len(server.asked) == 4


def test_an_announced_length_over_the_limit_is_refused_unread():
    page = (200, {"content-length": "2000000"}, b"")
    with _answers(a=page) as server, pytest.raises(TooLargeError) as caught:
        _fetch(f"http://media.example:{server.port}/a")
    assert caught.value.status == 413


def test_a_body_that_does_not_say_its_length_is_cut_at_the_limit():
    with _answers(a=(200, {}, bytes(2_000_000))) as server, pytest.raises(TooLargeError):
        _fetch(f"http://media.example:{server.port}/a")


@pytest.mark.parametrize("status", [204, 403, 404, 500])
def test_another_status_is_named(status):
    with (
        _answers(a=(status, {"content-length": "0"}, b"")) as server,
        pytest.raises(UnreachableError, match=str(status)),
    ):
        _fetch(f"http://media.example:{server.port}/a")


def test_a_packed_body_is_refused():
    packed = gzip.compress(bytes(10_000_000))
    page = (200, {"content-encoding": "gzip"}, packed)
    with _answers(a=page) as server, pytest.raises(UnreachableError, match="compressed"):
        _fetch(f"http://media.example:{server.port}/a")


def test_a_body_that_breaks_off_is_an_error():
    with _answers(a=(200, {"content-length": "1000"}, b"half")) as server, pytest.raises(UnreachableError):
        _fetch(f"http://media.example:{server.port}/a")


def test_who_says_nothing_is_given_up():
    limits = FetchLimits(1_000, total_s=0.2, silent_s=10)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(UnreachableError, match="too long"):
        _fetch(f"http://media.example:{silent.getsockname()[1]}/a", limits=limits)


def test_unknown_names_and_closed_ports_are_readable():
    with pytest.raises(UnreachableError, match="no address"):
        _fetch("http://nowhere.example/a", allow_list(["public"]))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnreachableError, match="connected"):
        _fetch(f"http://media.example:{port}/a")


def test_cookies_do_not_go_from_one_client_to_the_next():
    with _answers(a=(200, {"set-cookie": "who=first; Path=/", "content-length": "0"}, b"")) as server:

        async def scene():
            fetcher = Fetcher(LOCAL, LIMITS, CheckedTransport(LOCAL, MEDIA, plain_connections()))
            for _ in range(2):
                async with fetcher.open(f"http://media.example:{server.port}/a"):
                    pass
            await fetcher.close()

        asyncio.run(scene())
    assert len(server.asked) == 2
    assert all("cookie" not in asked.headers for asked in server.asked)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with _answers(a=(200, {}, b"sound")) as server:
        assert _fetch(f"http://media.example:{server.port}/a")[1] == b"sound"


def test_tls_asks_for_the_name_and_connects_to_the_address():
    seen = []

    async def sound():
        yield b"sound"

    async def connect(request):
        seen.append(request)
        return httpx.Response(200, content=sound())

    async def scene():
        allowed = allow_list(["media.example"])
        transport = CheckedTransport(
            allowed, _names(**{"media.example": ["2606:4700::1111"]}), httpx.MockTransport(connect)
        )
        fetcher = Fetcher(allowed, LIMITS, transport)
        async with fetcher.open("https://media.example/a?b=c") as fetched:
            return b"".join([chunk async for chunk in fetched.chunks()])

    assert asyncio.run(scene()) == b"sound"
    (request,) = seen
    assert str(request.url) == "https://[2606:4700::1111]/a?b=c"
    assert request.headers["host"] == "media.example"
    assert request.extensions["sni_hostname"] == "media.example"
