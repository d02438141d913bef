import os
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from deskwire.model.problems import StateUnavailable
from deskwire.server.net import certificates
from deskwire.server.net.certificates import fingerprint, own_certificate, server_context


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return own_certificate(tmp_path_factory.mktemp("state") / "tls")


def openssl(*words: str | Path) -> str:
    return subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.desktop
def test_a_desk_signs_for_its_own_names(made: tuple[Path, Path]) -> None:
    names = openssl("x509", "-in", made[0], "-noout", "-ext", "subjectAltName")

    assert "DNS:localhost" in names
    assert "IP Address:127.0.0.1" in names


def test_only_the_owner_may_read_it(made: tuple[Path, Path]) -> None:
    certificate, key = made

    assert key.stat().st_mode & 0o777 == 0o600
    assert certificate.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.desktop
def test_the_fingerprint_is_what_openssl_says(made: tuple[Path, Path]) -> None:
    said = openssl("x509", "-in", made[0], "-noout", "-fingerprint", "-sha256")

    assert said.strip().endswith(fingerprint(made[0]))


def test_it_is_kept_until_it_is_old(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder = made[0].parent
    before = fingerprint(made[0])
    kept = fingerprint(own_certificate(folder)[0])
    old = time.time() - (certificates.RENEW_AFTER_DAYS + 1) * 86400
    os.utime(made[0], (old, old))

    renewed = fingerprint(own_certificate(folder)[0])

    assert kept == before
    assert renewed != before


def test_the_context_speaks_nothing_older_than_1_2(made: tuple[Path, Path]) -> None:
    context = server_context(*made)

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    weak = [c["name"] for c in context.get_ciphers() if not c["aead"]]
    assert weak == []


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateUnavailable, match=r"cert\.pem and .*No such file"):
        server_context(tmp_path / "cert.pem", tmp_path / "key.pem")


def test_what_is_no_certificate_is_named(tmp_path: Path) -> None:
    junk = tmp_path / "cert.pem"
    junk.write_text("junk")

    with pytest.raises(StateUnavailable, match=r"cert\.pem"):
        server_context(junk, junk)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(StateUnavailable, match=r"file"):
        own_certificate(file / "tls")
