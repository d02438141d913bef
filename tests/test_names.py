"""The tests have the same names, in the same order, whenever and wherever they are collected.

Two processes share the work (`-n 2`), and pytest-xdist runs nothing when they disagree about it by
one letter: a name must hold no time, no chance, and come out of no set.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def collected(seed: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests", "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_the_names_of_the_tests_are_the_same_at_every_look() -> None:
    first, second = (collected(seed) for seed in (1, 2))

    assert len(first) > 2000
    assert [each for each in zip(first, second, strict=True) if each[0] != each[1]] == []
