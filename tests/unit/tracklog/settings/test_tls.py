"""TLS as an operator sets it: what is refused, and how `--uvicorn-opts` is read."""

import ssl
from pathlib import Path

import pytest

from tests.services.certificate import Authority
from tests.services.ports import HOST
from tracklog.settings.store_uris import SettingRefused
from tracklog.settings.tls import TlsSettings, tls_of, tls_options_in


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the key and the certificate of a server, a certificate with its key, and the authority's."""
    authority = Authority()
    key, certificate = authority.issue("server", HOST)
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "certificate.pem").write_bytes(certificate)
    (tmp_path / "both.pem").write_bytes(key + certificate)
    (tmp_path / "other-key.pem").write_bytes(authority.issue("other")[0])
    (tmp_path / "authority.pem").write_bytes(authority.certificate)
    return tmp_path


def test_without_a_certificate_there_is_no_tls() -> None:
    assert tls_of(None, None, None, None, None) is None


def test_the_key_may_be_in_the_file_of_the_certificate(files: Path) -> None:
    found = tls_of(files / "both.pem", None, None, None, None)
    assert found == TlsSettings(certificate=files / "both.pem", key=files / "both.pem")
    assert not found.needs_client_certificates


@pytest.mark.parametrize(
    ("given", "verify_mode"), [(None, ssl.CERT_REQUIRED), ("0", ssl.CERT_NONE), ("1", ssl.CERT_OPTIONAL)]
)
def test_authorities_make_certificates_of_clients_required_unless_said_otherwise(
    files: Path, given: str | None, verify_mode: ssl.VerifyMode
) -> None:
    found = tls_of(files / "certificate.pem", files / "key.pem", files / "authority.pem", given, None)
    assert found is not None
    assert found.context().verify_mode is verify_mode
    assert found.needs_client_certificates is (given is None)


def test_nothing_older_than_tls_1_2_is_spoken(files: Path) -> None:
    found = tls_of(files / "both.pem", None, None, None, None)
    assert found is not None
    assert found.context().minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("certificate", "key", "authorities", "wanted", "said"),
    [
        (None, "key.pem", None, None, "--ssl-certfile is missing"),
        (None, None, "authority.pem", None, "--ssl-certfile is missing"),
        (None, None, None, "2", "--ssl-certfile is missing"),
        ("nowhere.pem", None, None, None, "nowhere.pem .* cannot be used: No such file"),
        ("authority.pem", None, None, None, "authority.pem .* cannot be used: no PEM"),
        ("certificate.pem", "other-key.pem", None, None, "cannot be used: key values mismatch"),
        ("both.pem", None, "nowhere.pem", None, "--ssl-ca-certs .*nowhere.pem cannot be used: No such file"),
        ("both.pem", None, "key.pem", None, "--ssl-ca-certs .*key.pem cannot be used: no certificate"),
        ("both.pem", None, None, "2", "--ssl-cert-reqs needs --ssl-ca-certs"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    files: Path, certificate: str | None, key: str | None, authorities: str | None, wanted: str | None, said: str
) -> None:
    def path(name: str | None) -> Path | None:
        return None if name is None else files / name

    with pytest.raises(SettingRefused, match=said):
        tls_of(path(certificate), path(key), path(authorities), wanted, None)


@pytest.mark.parametrize(
    "text",
    [
        "--ssl-keyfile 'my key' --ssl-certfile c --ssl-cert-reqs 2",
        "--ssl-keyfile='my key' --ssl-certfile=c --ssl-cert-reqs=2",
    ],
)
def test_options_of_uvicorn_are_read_as_a_shell_would(text: str) -> None:
    assert tls_options_in(text) == {"--ssl-keyfile": "my key", "--ssl-certfile": "c", "--ssl-cert-reqs": "2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--reload", "--reload in --uvicorn-opts is not supported"),
        ("--ssl-certfile", "--ssl-certfile in --uvicorn-opts has no value"),
        ("--ssl-certfile 'c", "--uvicorn-opts cannot be read"),
        ("--ssl-cert-reqs 7", "--ssl-cert-reqs in --uvicorn-opts is one of 0, 1, 2"),
    ],
)
def test_what_uvicorn_has_beside_tls_is_refused(text: str, said: str) -> None:
    with pytest.raises(SettingRefused, match=said):
        tls_options_in(text)
