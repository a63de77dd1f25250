"""The directory of certificate authorities: the same ones as in certifi's file, each where OpenSSL looks for it."""

import shutil
import ssl
import subprocess
from pathlib import Path

import certifi
import pytest
import trustme

from deploy.authorities import hash_subject, write_hashed_certificates
from gray_release.sandbox.server import APPID, SECRET, Sandbox
from handler.contract import OpenApiError
from tests.support import Configure, Invoke, create_server_context


@pytest.mark.slow
def test_names_are_openssls(tmp_path: Path) -> None:
    """Each of certifi's authorities is in the directory, under the name that the openssl command gives it."""
    shutil.copy(certifi.where(), tmp_path / "cacert.pem")
    write_hashed_certificates(tmp_path / "cacert.pem")
    written = sorted((tmp_path / "hashed").iterdir())
    assert len(written) == Path(certifi.where()).read_text("utf-8").count("BEGIN CERTIFICATE")
    for path in written:
        command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(path)]
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
        assert path.name.partition(".")[0] == found


@pytest.mark.parametrize("name", ["Größe  und  Maß GmbH ", "上海 机构", "x" * 300, "plain"])
def test_odd_names(
    tmp_path: Path, configure: Configure, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """TLS finds an authority in the directory even if its subject has unusual characters."""
    authority = trustme.CA(organization_name=name[:64])
    authority.cert_pem.write_to_path(str(tmp_path / "cacert.pem"))
    write_hashed_certificates(tmp_path / "cacert.pem")
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "cacert.pem"))
    for trusted in (authority, trustme.CA()):
        with Sandbox(tls=create_server_context(trusted)) as sandbox:
            configure(
                SSL_CERT_FILE=None, WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET
            )
            if trusted is authority:
                assert invoke()["errCode"] == 0
            else:
                with pytest.raises(OpenApiError) as caught:
                    invoke()
                assert caught.value.errCode == -1
                assert sandbox.requests == []


def test_two_of_one_name(tmp_path: Path) -> None:
    """If two authorities have the same name, such as an old and a new certificate, both are there."""
    pems = [trustme.CA(organization_name="one", organization_unit_name="same").cert_pem.bytes() for _ in range(2)]
    (tmp_path / "cacert.pem").write_bytes(b"# a comment\n" + b"\n".join(pems))
    write_hashed_certificates(tmp_path / "cacert.pem")
    [first, second] = sorted((tmp_path / "hashed").iterdir())
    assert (first.suffix, second.suffix) == (".0", ".1")
    assert first.stem == second.stem == hash_subject(ssl.PEM_cert_to_DER_cert(pems[0].decode()))


@pytest.mark.slow
def test_artifact_has_them(lambda_artifact: Path) -> None:
    """An artifact has the directory next to certifi's file, with the same number of authorities."""
    file = lambda_artifact / "certifi" / "cacert.pem"
    assert len(list((file.parent / "hashed").iterdir())) == file.read_text("utf-8").count("BEGIN CERTIFICATE") > 100
