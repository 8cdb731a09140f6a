import pytest

from josefine_gateway.outward.addresses import is_public, parsed
from josefine_gateway.outward.allow_list import MOST_CHARACTERS, allow_list
from josefine_gateway.outward.errors import UrlRefusedError
from josefine_stage.errors import ConfigurationError

PUBLIC = ["1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::", "64:ff9b::808:808"]
NOT_PUBLIC = [
    *("127.0.0.1", "10.1.1.1", "172.16.0.1", "192.168.1.1", "100.64.1.1", "169.254.169.254", "0.0.0.0"),
    *("224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::808:808"),
    *("::7f00:1", "::808:808", "2001:0:808:808::"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address):
    assert is_public(parsed(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_not_public(address):
    assert not is_public(parsed(address))
    with pytest.raises(UrlRefusedError):
        allow_list(["public"]).require_addresses([parsed("1.1.1.1"), parsed(address)])


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        (["media.example.org"], "https://media.example.org/a.wav?x=1"),
        (["MEDIA.example.org"], "https://Media.Example.ORG./a.wav"),
        (["*.example.org"], "http://a.b.example.org:8080/"),
        (["public"], "https://anything.example/"),
        (["bücher.example"], "https://xn--bcher-kva.example/"),
        (["xn--bcher-kva.example"], "https://bücher.example/"),
        (["127.0.0.1"], "http://127.0.0.1:9000/"),
        (["10.20.0.0/16"], "http://10.20.3.4/"),
        (["fd00::/8"], "http://[fd00::1]/"),
    ],
)
def test_allowed(entries, url):
    assert allow_list(entries).require_url(url)


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ([], "https://example.org/"),
        (["example.org"], "https://www.example.org/"),
        (["*.example.org"], "https://example.org/"),
        (["*.example.org"], "https://evilexample.org/"),
        (["example.org"], "https://example.org.evil.example/"),
        (["example.org"], "https://example.org@evil.example/"),
        (["public"], "https://user:password@example.org/"),
        (["public"], "ftp://example.org/"),
        (["public"], "file:///etc/passwd"),
        (["public"], "gopher://example.org/"),
        (["public"], "//example.org/"),
        (["public"], "example.org"),
        (["public"], "http://"),
        (["public"], "http:///path"),
        (["public"], "http://exa\nmple.org/"),
        (["public"], "http://[::1"),
        (["public"], ""),
        (["public"], "https://example.org/" + "a" * MOST_CHARACTERS),
        (["10.20.0.0/16"], "http://10.21.0.1/"),
        (["10.20.0.0/16"], "http://example.org/"),
    ],
)
def test_refused(entries, url):
    with pytest.raises(UrlRefusedError) as caught:
        allow_list(entries).require_url(url)
    assert caught.value.status == 400
    assert "password" not in str(caught.value).replace("a user or a password", "")


def test_a_host_with_private_addresses_wants_its_network_named():
    addresses = [parsed("10.20.0.5")]
    with pytest.raises(UrlRefusedError) as caught:
        allow_list(["minio.internal"]).require_addresses(addresses)
    assert "10.20" not in str(caught.value)
    allow_list(["minio.internal", "10.20.0.0/16"]).require_addresses(addresses)


def test_a_host_without_addresses_is_refused():
    with pytest.raises(UrlRefusedError):
        allow_list(["public"]).require_addresses([])


@pytest.mark.parametrize(
    "entry", ["https://example.org", "*", "a.*.example.org", "example.org:443", "a b", "10.0.0.1/8"]
)
def test_an_entry_that_is_no_host_is_named_at_start(entry):
    with pytest.raises(ConfigurationError, match="allowed hosts"):
        allow_list([entry])


def test_an_empty_list_allows_nothing():
    assert not allow_list(["", " "])
    assert allow_list(["public"])
