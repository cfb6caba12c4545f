"""The certificate that a process shows is read again when its files change, and only then."""

import logging
import os
from pathlib import Path

import pytest

from tests.services.certificate import Authority
from tracklog.serving.certificates import Certificates
from tracklog.settings.tls import TlsSettings


def put(file: Path, content: bytes) -> None:
    """Replace a file in one step, as tools that renew certificates do."""
    new = file.with_suffix(".new")
    new.write_bytes(content)
    os.replace(new, file)


@pytest.fixture
def settings(tmp_path: Path) -> TlsSettings:
    key, certificate = Authority().issue("server")
    put(tmp_path / "key.pem", key)
    put(tmp_path / "certificate.pem", certificate)
    return TlsSettings(certificate=tmp_path / "certificate.pem", key=tmp_path / "key.pem")


def test_files_that_stay_are_not_read_again(settings: TlsSettings) -> None:
    certificates = Certificates(settings)
    before = certificates.context
    certificates.look()
    assert certificates.context is before


def test_a_change_is_taken_when_it_is_whole(settings: TlsSettings, caplog: pytest.LogCaptureFixture) -> None:
    certificates = Certificates(settings)
    before = certificates.context
    key, certificate = Authority().issue("server")
    put(settings.certificate, certificate)
    for _ in range(3):
        certificates.look()
    assert certificates.context is before  # the key is not that of the certificate yet
    assert [record.levelno for record in caplog.records] == [logging.WARNING]  # and that is said once
    put(settings.key, key)
    certificates.look()
    assert certificates.context is not before


def test_a_file_that_went_away_changes_nothing(settings: TlsSettings) -> None:
    certificates = Certificates(settings)
    before = certificates.context
    settings.key.unlink()
    certificates.look()
    assert certificates.context is before
