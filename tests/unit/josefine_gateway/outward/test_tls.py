"""TLS to an address that was checked still verifies the name."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from local_http import local_server

from josefine_gateway.outward.addresses import parsed
from josefine_gateway.outward.allow_list import allow_list
from josefine_gateway.outward.errors import UnreachableError
from josefine_gateway.outward.fetch import Fetcher, FetchLimits
from josefine_gateway.outward.transport import CheckedTransport

ALLOWED = allow_list(["*.example", "127.0.0.1"])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a certificate of media.example and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "media.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("media.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "media.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def server(certificate):
    names = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    tls.sni_callback = lambda _, name, __: names.append(name)
    with local_server(lambda asked: (200, {}, b"sound"), tls) as running:
        yield running, names


def _fetch(url, certificate):
    async def here(host, port):
        return [parsed("127.0.0.1")]

    async def scene():
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.load_verify_locations(certificate)
        transport = CheckedTransport(ALLOWED, here, httpx.AsyncHTTPTransport(verify=trusting))
        fetcher = Fetcher(ALLOWED, FetchLimits(1_000), transport)
        try:
            async with fetcher.open(url) as fetched:
                return b"".join([chunk async for chunk in fetched.chunks()])
        finally:
            await fetcher.close()

    return asyncio.run(scene())


def test_the_name_is_asked_for_and_verified(server, certificate):
    running, names = server
    assert _fetch(f"https://media.example:{running.port}/a", certificate) == b"sound"
    assert names == ["media.example"]
    assert running.asked[0].headers["host"] == f"media.example:{running.port}"


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
def test_a_certificate_of_another_name_is_refused(server, certificate, host):
    running, _ = server
    with pytest.raises(UnreachableError):
        _fetch(f"https://{host}:{running.port}/a", certificate)
    assert running.asked == []
