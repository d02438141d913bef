"""A guard on what a frame costs: instructions of a fixed fan-out and of a fixed hour of readings.

    .venv/bin/python -m bench.guard            compare with bench/guard.json; past +10 % fails
    .venv/bin/python -m bench.guard --take     write that file again

Seconds differ from run to run; instructions counted by callgrind (valgrind(1)) do not, given the
same hash seed: two runs here differ by a hundredth of a percent. Between builds of Python they do,
so what is kept is a ratio: work to a calibration that is counted in the same run. The kernel
is not included; `make bench-fanout` measures that.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from bench import results

BASELINE = Path(__file__).with_name("guard.json")
ALLOWED = 0.10
ALLOWED_ELSEWHERE = 0.25
"""On another minor version of Python, whose interpreter is another."""
WORTH_TAKING = -0.10
PARTS = {"calibration": 2, "fan-out": 4, "hour": 6}
"""Which of callgrind's dumps is what; those between are what went before (`guarded.py`)."""
LIBRARIES = ("aiohttp", "msgspec")
PATIENCE = 300.0


class Verdict(NamedTuple):
    """Comparison of one piece of work."""

    work: str
    change: float
    """0.1 is a tenth more than the baseline's."""
    allowed: float

    @property
    def fine(self) -> bool:
        """Whether it is within what is allowed."""
        return self.change <= self.allowed


def count() -> dict[str, int]:
    """Run the work under callgrind; return instructions by its name."""
    with tempfile.TemporaryDirectory(prefix="guard-") as folder:
        output = Path(folder) / "counted"
        done = subprocess.run(
            [
                *("valgrind", "-q", "--tool=callgrind", "--dump-before=getsid"),
                f"--callgrind-out-file={output}",
                *(sys.executable, "-m", "bench.guarded"),
            ],
            cwd=results.ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"the guarded work failed:\n{done.stdout}{done.stderr}")
        return {work: total(Path(f"{output}.{part}")) for work, part in PARTS.items()}


def total(dump: Path) -> int:
    """Read what one of callgrind's dumps counted (its format is in callgrind's manual)."""
    found = re.search(r"^totals: (\d+)", dump.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"callgrind counted nothing in {dump.name}")
    return int(found[1])


def ratios(counted: dict[str, int]) -> dict[str, float]:
    """Turn counts into multiples of the calibration's."""
    unit = counted["calibration"]
    return {work: number / unit for work, number in counted.items() if work != "calibration"}


def taken_on() -> dict[str, str]:
    """Say what the counting depends on."""
    return {
        "python": platform.python_version(),
        "compiler": platform.python_compiler(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        **{library: version(library) for library in LIBRARIES},
    }


def compare(baseline: dict[str, Any], counted: dict[str, int], python: str) -> list[Verdict]:
    """Compare what was counted on this Python with the baseline."""
    theirs = baseline["taken_on"]["python"]
    allowed = ALLOWED if minor(theirs) == minor(python) else ALLOWED_ELSEWHERE
    return [
        Verdict(work, ratio / baseline["ratios"][work] - 1, allowed)
        for work, ratio in ratios(counted).items()
    ]


def minor(python: str) -> str:
    """Return `3.11` of `3.11.2`."""
    return ".".join(python.split(".")[:2])


def main(*, take: bool) -> int:
    """Count, then compare with the baseline or write it."""
    counted, here = count(), taken_on()
    if take:
        done = {
            "taken_on": here,
            "instructions": counted,
            "ratios": {work: round(ratio, 5) for work, ratio in ratios(counted).items()},
        }
        BASELINE.write_text(json.dumps(done, indent=2) + "\n", encoding="utf-8")
        print(f"{BASELINE.name} is written: {done['ratios']}")
        return 0
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    verdicts = compare(baseline, counted, here["python"])
    results.write(
        "guard",
        {
            "counted": counted,
            "on": here,
            "baseline_on": baseline["taken_on"],
            "changes": {verdict.work: round(verdict.change, 4) for verdict in verdicts},
        },
    )
    for verdict in verdicts:
        word = "" if verdict.fine else "   TOO MUCH"
        bound = f"(at most {verdict.allowed:+.0%})"
        print(f"{verdict.work:8} {verdict.change:+7.1%} of the baseline {bound}{word}")
    if differing := {key for key in here if here[key] != baseline["taken_on"].get(key)}:
        pairs = (f"{key} {here[key]}, not {baseline['taken_on'].get(key)}" for key in differing)
        print(f"counted with {'; '.join(sorted(pairs))}")
    if any(verdict.change < WORTH_TAKING for verdict in verdicts):
        print("much less than the baseline: take it anew (`make guard ARGS=--take`)")
    return 0 if all(verdict.fine for verdict in verdicts) else 1


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="What a frame costs, in instructions.")
    given.add_argument("--take", action="store_true", help="make the baseline anew")
    sys.exit(main(take=given.parse_args().take))
