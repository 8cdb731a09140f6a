import pytest

from josefine_gateway.access.errors import ForeignPageError
from josefine_gateway.access.origin import is_loopback, require_local_host, require_own_page


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "app.localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example.org"])
def test_not_loopback(host):
    assert not is_loopback(host)


def _page(origin, host):
    return [(b"origin", origin.encode()), (b"host", host.encode())]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://speech.example.org", "speech.example.org"),
        ("https://Speech.example.org:8443", "speech.example.org:8443"),
        ("http://localhost:3000", "127.0.0.1:8080"),
        ("http://[::1]:3000", "[::1]:8080"),
    ],
)
def test_own_pages_and_those_of_the_machine_may_ask(origin, host):
    require_own_page(_page(origin, host))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "127.0.0.1:8080"),
        ("null", "127.0.0.1:8080"),
        ("https://speech.example.org.evil.example", "speech.example.org"),
        ("http://[", "localhost"),
    ],
)
def test_pages_of_others_may_not(origin, host):
    with pytest.raises(ForeignPageError):
        require_own_page(_page(origin, host))


def test_programs_send_no_origin():
    require_own_page([(b"host", b"example.org")])


def test_a_rebound_name_is_not_this_machine():
    require_local_host([(b"host", b"localhost:8080")])
    with pytest.raises(ForeignPageError):
        require_local_host([(b"host", b"rebound.evil.example:8080")])
