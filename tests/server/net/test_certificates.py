import os
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from deskwire.model.problems import StateUnavailable
from deskwire.server.net import certificates
from deskwire.server.net.certificates import fingerprint, own_certificate, server_context


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return own_certificate(tmp_path_factory.mktemp("state") / "tls")


def openssl(*words: str | Path) -> str:
    return subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.desktop
def test_own_certificate_has_the_names_of_the_host(own: tuple[Path, Path]) -> None:
    names = openssl("x509", "-in", own[0], "-noout", "-ext", "subjectAltName")

    assert "DNS:localhost" in names
    assert "IP Address:127.0.0.1" in names


def test_certificate_files_are_private(own: tuple[Path, Path]) -> None:
    certificate, key = own

    assert key.stat().st_mode & 0o777 == 0o600
    assert certificate.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.desktop
def test_fingerprint_matches_openssl(own: tuple[Path, Path]) -> None:
    printed = openssl("x509", "-in", own[0], "-noout", "-fingerprint", "-sha256")

    assert printed.strip().endswith(fingerprint(own[0]))


def test_old_certificate_is_renewed(own: tuple[Path, Path], tmp_path: Path) -> None:
    folder = own[0].parent
    before = fingerprint(own[0])
    unchanged = fingerprint(own_certificate(folder)[0])
    old = time.time() - (certificates.RENEW_AFTER_DAYS + 1) * 86400
    os.utime(own[0], (old, old))

    renewed = fingerprint(own_certificate(folder)[0])

    assert unchanged == before
    assert renewed != before


def test_context_accepts_only_tls_1_2_and_later_with_aead(own: tuple[Path, Path]) -> None:
    context = server_context(*own)

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    weak = [c["name"] for c in context.get_ciphers() if not c["aead"]]
    assert weak == []


def test_unreadable_certificate_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(StateUnavailable, match=r"cert\.pem and .*No such file"):
        server_context(tmp_path / "cert.pem", tmp_path / "key.pem")


def test_invalid_certificate_is_named_in_the_error(tmp_path: Path) -> None:
    junk = tmp_path / "cert.pem"
    junk.write_text("junk")

    with pytest.raises(StateUnavailable, match=r"cert\.pem"):
        server_context(junk, junk)


@pytest.mark.parametrize("name", ["certificate.pem", "key.pem"])
def test_fifo_in_place_of_a_file_is_refused_with_its_path(
    own: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    for file in own:
        shutil.copy(file, tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)

    with pytest.raises(StateUnavailable, match=rf"{name} is not a regular file"):
        server_context(*own_certificate(tmp_path))


def test_unwritable_folder_is_named_in_the_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(StateUnavailable, match=r"file"):
        own_certificate(file / "tls")
