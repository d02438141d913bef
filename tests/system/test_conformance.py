"""The daemon and the mock, as programs, before the judge: both hold every clause.

The daemon has two real players; the sessions of both last six seconds.
"""

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.buses import PrivateBus
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.programs import MOCK_ENV, MOCK_PASSWORD, PROGRAM, Daemon, MockServer

LIFETIME, WARNING = 6, 2
LASTING = ("--lifetime", str(LIFETIME), "--warning", str(WARNING))
WATCHER = "watcher"
WITHOUT_WIFI = ["6.10"]

Clauses = list[dict[str, Any]]
Again = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def judged(
    bus: PrivateBus, media: Media, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Clauses]:
    """Judge both at once."""
    folder = tmp_path_factory.mktemp("judged")
    with (
        Mpv(bus, [media.first.file, media.second.file], "--idle=yes"),
        Mpv(bus, [media.bare.file], paused=True),
        Daemon(
            buses=[bus], settings={"session_lifetime": LIFETIME, "session_warning": WARNING}
        ) as desk,
        MockServer(folder, *LASTING) as mock,
    ):
        desk.secrets.add(MOCK_PASSWORD)
        watcher = ("users", "add", WATCHER, "--scope", "monitor", "--password-stdin")
        assert desk.run(*watcher, given=f"{MOCK_PASSWORD}\n").returncode == 0
        servers = {
            "daemon": (desk.address, desk.fingerprint, desk.owner_password),
            "mock": (mock.address, mock.fingerprint, MOCK_PASSWORD),
        }
        judges = {name: judge(*server, folder / name) for name, server in servers.items()}
        return {
            name: read(process, folder / name, again=partial(judge, *servers[name]))
            for name, process in judges.items()
        }


def read(process: "subprocess.Popen[str]", report: Path, again: Again) -> Clauses:
    """Return what was found; what is broken is judged once more, for a busy machine is late."""
    found = clauses_of(process, report)
    broken = [each["clause"] for each in found if each["verdict"] == "broken"]
    if not broken:
        return found
    second = clauses_of(again(report, "--only", ",".join(broken)), report)
    return [each for each in found if each["clause"] not in broken] + second


def clauses_of(process: "subprocess.Popen[str]", report: Path) -> Clauses:
    """Wait for a judge, show its table, and return its report."""
    table, _ = process.communicate(timeout=120)
    print(table)
    clauses: Clauses = json.loads(report.read_text())["clauses"]
    return clauses


def judge(
    address: str, fingerprint: str, password: str, report: Path, *more: str
) -> "subprocess.Popen[str]":
    """Let the judge begin."""
    process = subprocess.Popen(
        [
            *(PROGRAM, "conform", address, "--fingerprint", fingerprint, "--json", report),
            *("--password-stdin", "--watcher", WATCHER, "--disturb", "--quick", *LASTING, *more),
        ],
        env=MOCK_ENV,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(f"{password}\n{MOCK_PASSWORD}\n")
    process.stdin.flush()
    return process


def other_than(clauses: Clauses, verdict: str) -> list[str]:
    """Name the clauses that were found otherwise."""
    return [f"{each['clause']}: {each['seen']}" for each in clauses if each["verdict"] != verdict]


def test_mock_conforms_to_every_clause(judged: dict[str, Clauses]) -> None:
    assert other_than(judged["mock"], "holds") == []
    assert len(judged["mock"]) > 110


def test_daemon_conforms_to_every_clause_with_hardware_here(
    judged: dict[str, Clauses],
) -> None:
    left = [each for each in judged["daemon"] if each["clause"] not in WITHOUT_WIFI]

    assert other_than(left, "holds") == []
    assert len(left) > 110
