"""If a server cannot be reached or trusted, the reason says why, and the hint says what to do."""

import datetime as dt
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import certifi
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gray_release.sandbox.server import SECRET, Sandbox
from tests.support import (
    DOCUMENTED,
    Configure,
    Invoke,
    Log,
    UseAs,
    catch_error,
    create_server_context,
    each_server,
    use_as_wechat,
)
from tests.tcp import find_free_port

PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
YEAR = dt.timedelta(days=365)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset this machine's proxy variables."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def expect_failure(invoke: Invoke, log: Log) -> Callable[[], tuple[str, str]]:
    """Return a function that expects a failure, and returns the log line's reason and hint."""

    def expect_failure() -> tuple[str, str]:
        error = catch_error(invoke)
        line = log()[-1]
        assert line["reason"] == error.reason
        assert "hush-hush" not in str(line)
        return error.reason, line["hint"]

    return expect_failure


ExpectFailure = Callable[[], tuple[str, str]]


@each_server
def test_untrusted(configure: Configure, expect_failure: ExpectFailure, use_as: UseAs) -> None:
    """The reason for a certificate of an unknown authority quotes OpenSSL."""
    with Sandbox(tls=create_server_context(trustme.CA())) as sandbox:
        name = use_as(sandbox.base_url, configure)
        reason, hint = expect_failure()
        assert sandbox.requests == []
    assert f"the certificate of {name} is not trusted: " in reason
    assert "certificate" in reason.partition("not trusted: ")[2]
    assert "SSL_CERT_FILE" in hint


@each_server
@pytest.mark.parametrize("other", ["other.example", "127.0.0.2"])
def test_another_name(
    configure: Configure, authority: trustme.CA, expect_failure: ExpectFailure, use_as: UseAs, other: str
) -> None:
    """The reason for another host's certificate says so, without the address."""
    with Sandbox(tls=create_server_context(authority, other)) as sandbox:
        name = use_as(sandbox.base_url, configure)
        reason, hint = expect_failure()
        assert sandbox.requests == []
    assert f"the certificate of {name} is not trusted: IP address mismatch" in reason
    assert "127.0.0" not in reason
    assert "SSL_CERT_FILE" not in hint


def test_expired(configure: Configure, authority: trustme.CA, expect_failure: ExpectFailure) -> None:
    """The reason for an expired certificate says so."""
    past = dt.datetime.now(dt.timezone.utc) - dt.timedelta(days=1)
    context = create_server_context(authority, not_after=past)
    with Sandbox(tls=context) as sandbox:
        use_as_wechat(sandbox.base_url, configure)
        reason, hint = expect_failure()
    assert reason == "the certificate of WeChat is not trusted: certificate has expired"
    assert "Renew" in hint


def make_lax_authority(path: Path) -> ssl.SSLContext:
    """Write an authority without the extensions that RFC 5280 requires; return a server's TLS context."""
    key, servers = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.timezone.utc)

    def begin(subject: str, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lax authority")]))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - YEAR)
            .not_valid_after(now + YEAR)
        )

    root = begin("lax authority", key.public_key())
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=False)
    leaf = begin("server", servers.public_key())
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    leaf = leaf.add_extension(names, critical=False)
    pem = serialization.Encoding.PEM
    (path / "ca.pem").write_bytes(root.sign(key, hashes.SHA256()).public_bytes(pem))
    private = servers.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (path / "server.pem").write_bytes(private + leaf.sign(key, hashes.SHA256()).public_bytes(pem))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path / "server.pem")
    return context


def test_lax_authority(configure: Configure, invoke: Invoke, expect_failure: ExpectFailure, tmp_path: Path) -> None:
    """An authority that breaks RFC 5280 is accepted before Python 3.13; later the reason quotes the rule."""
    context = make_lax_authority(tmp_path)
    configure(SSL_CERT_FILE=str(tmp_path / "ca.pem"))
    with Sandbox(tls=context) as sandbox:
        use_as_wechat(sandbox.base_url.replace("127.0.0.1", "localhost"), configure)
        if sys.version_info < (3, 13):
            configure(WECHAT_SECRET=SECRET)
            assert invoke() == DOCUMENTED
        else:
            reason, hint = expect_failure()
            assert reason.startswith("the certificate of WeChat is not trusted: ")
            assert reason.partition("not trusted: ")[2]
            assert "3.13" in hint


@each_server
def test_plain_port(configure: Configure, expect_failure: ExpectFailure, use_as: UseAs) -> None:
    """If a plain port is addressed with https, the reason says so."""
    with Sandbox() as sandbox:
        name = use_as(sandbox.base_url.replace("http:", "https:"), configure)
        reason, hint = expect_failure()
    assert f"{name} does not speak TLS at this port" in reason
    assert "http://" in hint


@each_server
def test_unknown_name(configure: Configure, expect_failure: ExpectFailure, use_as: UseAs) -> None:
    """The reason for a host name that cannot be resolved says so, without the name."""
    name = use_as("https://hush-hush.invalid", configure)
    reason, hint = expect_failure()
    assert f"the host name of {name} cannot be resolved" in reason
    assert "VPC" in hint


@each_server
def test_nobody_listens(configure: Configure, expect_failure: ExpectFailure, use_as: UseAs) -> None:
    """The reason for a refused connection says so."""
    name = use_as(f"http://127.0.0.1:{find_free_port()}", configure)
    reason, hint = expect_failure()
    assert f"no answer from {name} (connection refused)" in reason
    assert "port" in hint


@pytest.mark.parametrize("variable", PROXIES)
@each_server
def test_proxies(configure: Configure, expect_failure: ExpectFailure, use_as: UseAs, variable: str) -> None:
    """A configured proxy is not used; if the server cannot be reached, the reason and the hint mention the proxy."""
    configure(**{variable: "http://user:hush-hush@127.0.0.1:9"})
    use_as("https://hush-hush.invalid", configure)
    reason, hint = expect_failure()
    assert f"; {variable} is set and not used" in reason
    assert "reverse proxy" in hint


def test_authorities_add_up(
    configure: Configure, authority: trustme.CA, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE adds authorities to the public ones; no other authority is trusted."""
    public = trustme.CA()
    public.cert_pem.write_to_path(str(tmp_path / "public.pem"))
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "public.pem"))
    for issuer, is_trusted in ((public, True), (authority, True), (trustme.CA(), False)):
        with Sandbox(tls=create_server_context(issuer)) as sandbox:
            use_as_wechat(sandbox.base_url, configure)
            configure(WECHAT_SECRET=SECRET)
            if is_trusted:
                assert invoke() == DOCUMENTED
            else:
                assert "not trusted" in catch_error(invoke).reason
