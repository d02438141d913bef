"""The doors' TLS, judged by a scanner: Mozilla's intermediate profile."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.desk import Desk

SCANNER = Path(__file__).parent.parent.parent / ".venv/scan/bin/sslyze"
"""`make system` installs it (requirements/scan.lock)."""


@pytest.fixture(scope="module")
def scan() -> Iterator[str]:
    with Desk() as desk:
        address = desk.address.removeprefix("https://")
        done = subprocess.run(
            [SCANNER, "--mozilla_config=intermediate", address],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        yield done.stdout
    assert "SCANS COMPLETED" in done.stdout, done.stderr


def test_nothing_is_amiss_but_that_the_desk_signs_for_itself(scan: str) -> None:
    judged = scan.partition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
    amiss = [line.strip() for line in judged.splitlines() if line.lstrip().startswith("* ")]

    assert amiss == [
        "* certificate_path_validation: Certificate path validation failed for CN=deskwire."
    ]


def test_every_cipher_is_forward_secret_and_authenticates_what_it_encrypts(scan: str) -> None:
    accepted = [line.split()[0] for line in scan.splitlines() if line.startswith("        TLS_")]

    assert len(accepted) == 6
    assert all(name.split("_")[-2] in {"GCM", "POLY1305"} for name in accepted)
    older = ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1")
    assert scan.count("the server rejected all cipher suites") == len(older)
