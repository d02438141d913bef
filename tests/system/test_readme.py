import json
import re
import subprocess
import sys
from pathlib import Path

from tests.support.programs import Daemon

ROOT = Path(__file__).parents[2]
SECONDS = 3


def first_block() -> str:
    """Return the first shell block of the README."""
    found = re.search(
        r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert found
    return found[1]


def test_shell_lines_of_the_readme_print_snapshots() -> None:
    with Daemon() as daemon:
        lines = first_block().splitlines()
        assert lines[0] == "DESK=https://127.0.0.1:8765 PASSWORD='…'"
        lines[0] = f"DESK={daemon.address} PASSWORD='{daemon.owner_password}'"
        lines[-1] = lines[-1].replace(".venv/bin/python", f"timeout {SECONDS} {sys.executable}")

        done = subprocess.run(
            ["bash", "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True, check=False
        )

    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(shown) >= SECONDS - 1, done.stderr
    assert shown[0]["memory_bytes"] > 0
    assert shown[0]["audio"] == []


def test_first_lines_of_the_readme_are_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").split("\n")

    assert [line.split("#")[0].strip() for line in lines[2:4]] == ["make run", "make test"]
