"""The HTTP API compared to its OpenAPI description by a thousand generated requests.

schemathesis generates valid and invalid requests from `/v1/openapi.json`. It checks the statuses,
media types, headers and bodies of the responses, undescribed methods and missing tokens. The
log-out has a separate run, because it ends the login of the other requests. So have the commands,
because there are many of them.
"""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from tests.support.client import Client
from tests.support.programs import Daemon
from tests.support.sound_servers import Pulse
from tests.support.time_scaling import patiently

PROGRAM = Path(sys.executable).with_name("schemathesis")
SETTINGS = """\
[[operations]]
include-path = "/v1/monitor/{desk}/ws"
# OpenAPI cannot describe an upgrade: it allows a plain GET of this path, which gets status 426
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path-regex = "/v1/commands/"
# a device that this desk does not have: 503 with device_unavailable
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
"""
LOG_OUT = r"/logout$"
COMMAND = r"/v1/commands/"
EXAMPLES = 150
MIN_REQUESTS = 1000


async def run_schemathesis(
    daemon: Daemon, folder: Path, *arguments: str, examples: int = EXAMPLES
) -> str:
    """Run it with a new login and return its output; fail if it finds a failure."""
    async with Client(daemon) as client:
        await client.login()
        token = client.login_token
    folder.mkdir()
    (folder / "schemathesis.toml").write_text(SETTINGS, encoding="utf-8")
    command = [
        *(str(PROGRAM), "run", f"{daemon.address}/v1/openapi.json", "--tls-verify", "false"),
        *("--header", f"Authorization: Bearer {token}", "--seed", "1", "--no-color"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(examples)),
        *("--continue-on-failure", "--workers", "2", "--request-timeout", str(patiently(5))),
        *arguments,
    ]
    done = await asyncio.to_thread(run, command, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_generated_requests_get_the_described_responses(tmp_path: Path) -> None:
    with Pulse() as sound, Daemon(env={"PULSE_SERVER": sound.address}) as daemon:
        outputs = await asyncio.gather(
            run_schemathesis(
                daemon, tmp_path / "all", "--exclude-path-regex", f"{LOG_OUT}|{COMMAND}"
            ),
            run_schemathesis(
                daemon, tmp_path / "commands", "--include-path-regex", COMMAND, examples=30
            ),
            run_schemathesis(daemon, tmp_path / "out", "--include-path-regex", LOG_OUT),
        )
    generated = [int(found) for each in outputs for found in re.findall(r"(\d+) generated", each)]

    assert len(generated) == 3
    assert sum(generated) >= MIN_REQUESTS


def run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder to its end."""
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=patiently(40), check=False
    )
