"""TLS of the server: Mozilla's intermediate profile, checked by a scanner, and its memory."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.processes import resident_mib
from tests.support.programs import Daemon
from tests.support.raw_socket import RawSocket

SCANNER = Path(__file__).parent.parent.parent / ".venv/scan/bin/sslyze"
"""`make system` installs it (requirements/scan.lock)."""


@pytest.fixture(scope="module")
def scan() -> Iterator[str]:
    with Daemon() as daemon:
        address = daemon.address.removeprefix("https://")
        done = subprocess.run(
            [SCANNER, "--mozilla_config=intermediate", address],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        yield done.stdout
    assert "SCANS COMPLETED" in done.stdout, done.stderr


def test_scanner_finds_only_the_self_signed_certificate(scan: str) -> None:
    report = scan.partition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
    findings = [line.strip() for line in report.splitlines() if line.lstrip().startswith("* ")]

    assert findings == [
        "* certificate_path_validation: Certificate path validation failed for CN=deskwire."
    ]


def test_each_cipher_is_forward_secret_and_authenticated(scan: str) -> None:
    accepted = [line.split()[0] for line in scan.splitlines() if line.startswith("        TLS_")]

    assert len(accepted) == 6
    assert all(name.split("_")[-2] in {"GCM", "POLY1305"} for name in accepted)
    older = ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1")
    assert scan.count("the server rejected all cipher suites") == len(older)


async def test_idle_tls_connection_uses_less_than_100_kib() -> None:
    """Check the limit; asyncio's own TLS uses 280 KiB for each connection."""
    connections = 60
    settings = {"session_max_sockets_per_user": connections + 1}
    with Daemon(settings=settings) as daemon, ExitStack() as stack:
        async with Client(daemon) as client:
            await open_socket(client, stack)
            before = resident_mib(daemon.pid)
            for _ in range(connections):
                await open_socket(client, stack)
            grown = resident_mib(daemon.pid) - before

    assert grown * 1024 / connections < 100


async def open_socket(client: Client, stack: ExitStack) -> None:
    """Open an authenticated socket."""
    token = await client.websocket_token()
    socket = await asyncio.to_thread(RawSocket, token.socket)
    stack.enter_context(socket)
    socket.send("auth", token.token)
    await asyncio.to_thread(socket.read_frame)
