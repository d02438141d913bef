import datetime as dt
import logging
import os
import time
from pathlib import Path

import pytest

from deskwire.daemon.config.settings import Server
from deskwire.daemon.tls import TlsCertificate
from deskwire.server.net import certificates
from deskwire.server.net.certificates import make_certificate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_certificate(tmp_path / "tls", ["localhost"], dt.datetime.now(dt.UTC))
    return tmp_path


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_new_certificate_is_taken_and_said(folder: Path, log: pytest.LogCaptureFixture) -> None:
    server = Server(certificate=folder / "tls/certificate.pem", key=folder / "tls/key.pem")
    tls = TlsCertificate(server)
    before = tls.fingerprint
    make_certificate(folder / "tls", ["localhost"], dt.datetime.now(dt.UTC))

    tls.reload(server)
    tls.reload(server)

    assert tls.fingerprint != before
    assert [record.message for record in log.records] == [
        f"new certificate  SHA-256 {tls.fingerprint}"
    ]


@pytest.mark.parametrize("broken", ["certificate.pem", "key.pem"])
def test_a_broken_one_keeps_the_old_and_is_one_line(
    folder: Path, log: pytest.LogCaptureFixture, broken: str
) -> None:
    server = Server(certificate=folder / "tls/certificate.pem", key=folder / "tls/key.pem")
    tls = TlsCertificate(server)
    before = tls.fingerprint
    (folder / "tls" / broken).write_text("nothing")

    tls.reload(server)

    assert tls.fingerprint == before
    (line,) = [record.message for record in log.records]
    assert line.startswith("the certificate stays as it was: ")
    assert str(folder / "tls" / broken) in line


def test_the_desks_own_is_renewed_when_it_is_old(folder: Path) -> None:
    tls = TlsCertificate(Server(state_dir=folder))
    before = tls.fingerprint
    old = time.time() - (certificates.RENEW_AFTER_DAYS + 1) * 86400
    os.utime(folder / "tls/certificate.pem", (old, old))

    tls.reload(Server(state_dir=folder))

    assert tls.fingerprint != before
