import datetime as dt
import os
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from deskwire.model.problems import StateUnavailable
from deskwire.server.net.certificates import fingerprint, own_certificate, server_context
from deskwire.server.net.self_signed import make_certificate


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


def made(folder: Path, days_ago: float) -> str:
    """Make a certificate as at an earlier or later time; return its fingerprint."""
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago)
    make_certificate(folder, ["localhost"], begin)
    return fingerprint(folder / "certificate.pem")


@pytest.mark.parametrize("age", [301, 364, 366, 3000])
def test_old_certificate_is_renewed(tmp_path: Path, age: float) -> None:
    before = made(tmp_path, age)

    renewed = fingerprint(own_certificate(tmp_path)[0])

    assert renewed != before
    assert fingerprint(own_certificate(tmp_path)[0]) == renewed


@pytest.mark.parametrize("age", [0, 299, -1, -400, -8000])
def test_certificate_is_not_renewed_before_its_last_65_days(tmp_path: Path, age: float) -> None:
    before = made(tmp_path, age)

    assert fingerprint(own_certificate(tmp_path)[0]) == before


@pytest.mark.parametrize("now", [0.0, 86_400.0, 4_070_908_800.0], ids=["1970", "day 2", "2099"])
def test_start_with_a_wrong_clock_does_not_renew_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: float
) -> None:
    before = made(tmp_path, 10)

    with monkeypatch.context() as clock:
        clock.setattr(time, "time", lambda: now)
        during = fingerprint(own_certificate(tmp_path)[0])

    assert during == before
    assert fingerprint(own_certificate(tmp_path)[0]) == before


@pytest.mark.parametrize("file_age", [-10_000, -1, 301, 10_000])
def test_time_of_the_file_does_not_renew_the_certificate(tmp_path: Path, file_age: int) -> None:
    before = made(tmp_path, 10)
    moment = time.time() - file_age * 86400
    os.utime(tmp_path / "certificate.pem", (moment, moment))

    assert fingerprint(own_certificate(tmp_path)[0]) == before


def test_restored_certificate_of_last_year_is_renewed(tmp_path: Path) -> None:
    before = made(tmp_path, 400)
    os.utime(tmp_path / "certificate.pem")

    assert fingerprint(own_certificate(tmp_path)[0]) != before


@pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\n", b"\xff\x00"])
def test_damaged_certificate_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    made(tmp_path, 10)
    (tmp_path / "certificate.pem").write_bytes(content)

    certificate, key = own_certificate(tmp_path)

    assert certificate.read_bytes() == content
    with pytest.raises(StateUnavailable, match=r"certificate\.pem"):
        server_context(certificate, key)


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
