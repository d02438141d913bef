"""What the desk says of its own HTTP surface, taken at its word a thousand times.

schemathesis makes requests out of `/v1/openapi.json`, right ones and wrong ones, and judges the
answers by it: statuses, media types, headers, bodies, methods that are not there, tokens left out.
Logging out has a run of its own, since it ends the token the others are tried with.
"""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from tests.support.client import Client
from tests.support.programs import Daemon
from tests.support.time_scaling import patiently

PROGRAM = Path(sys.executable).with_name("schemathesis")
SETTINGS = """\
[[operations]]
include-path = "/v1/monitor/{desk}/ws"
# OpenAPI has no words for an upgrade: a plain GET of this path is right by it, and answered 426
checks.positive_data_acceptance.enabled = false
"""
LOG_OUT = r"/logout$"
EXAMPLES = 150
AT_LEAST = 1000


async def examine(desk: Daemon, folder: Path, *arguments: str) -> str:
    """Run it with a login of its own; return what it says. Nothing may be found."""
    async with Client(desk) as client:
        await client.login()
        token = client.login_token
    folder.mkdir()
    (folder / "schemathesis.toml").write_text(SETTINGS, encoding="utf-8")
    command = [
        *(str(PROGRAM), "run", f"{desk.address}/v1/openapi.json", "--tls-verify", "false"),
        *("--header", f"Authorization: Bearer {token}", "--seed", "1", "--no-color"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES)),
        *("--continue-on-failure", "--workers", "2", "--request-timeout", str(patiently(5))),
        *arguments,
    ]
    done = await asyncio.to_thread(run, command, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_generated_requests_get_the_described_responses(tmp_path: Path) -> None:
    with Daemon() as desk:
        said = await asyncio.gather(
            examine(desk, tmp_path / "all", "--exclude-path-regex", LOG_OUT),
            examine(desk, tmp_path / "out", "--include-path-regex", LOG_OUT),
        )
    made = [int(found) for each in said for found in re.findall(r"(\d+) generated", each)]

    assert len(made) == 2
    assert sum(made) >= AT_LEAST


def run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command there to its end."""
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=patiently(40), check=False
    )
