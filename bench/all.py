"""Every measurement in one go, one after another, and the report of it: `make bench`.

    .venv/bin/python -m bench.all [--skip page]

A measurement that fails is said, in the report as not measured; the others go on.
"""

import argparse
import subprocess
import sys
import time

from bench import report, results
from bench.prepare import prepare

PAGE_FIGURES = results.BUILD / "page.json"
STEPS: dict[str, list[str]] = {
    "fanout": ["-m", "bench.fanout"],
    "watching": ["-m", "bench.watching"],
    "latency": ["-m", "bench.latency"],
    "page": ["-m", "bench.page", "--json", str(PAGE_FIGURES)],
}
CHECKS = {"page"}
"""Steps that end with 1 if a goal is missed, which the report says as well."""
A_STEP_AT_MOST = 900.0


def main(skipped: set[str]) -> int:
    """Do all of it; return how many steps were not measured, or not to their end."""
    began = time.monotonic()
    prepare()
    machine = results.machine()
    unfinished = []
    for name, words in STEPS.items():
        if name in skipped:
            continue
        results.forget(name)
        started = time.monotonic()
        print(f"---- {name}", flush=True)
        code = run(words)
        if name == "page":
            results.adopt("page", PAGE_FIGURES)
        if results.read(name) is None or (code and name not in CHECKS):
            unfinished.append(name)
        print(f"{name} took {time.monotonic() - started:.0f} s and ended with {code}", flush=True)
    minutes = (time.monotonic() - began) / 60
    results.write("machine", {**machine, "minutes": round(minutes, 1), "unfinished": unfinished})
    where = report.write()
    print(f"{where.relative_to(results.ROOT)}, after {minutes:.1f} minutes")
    if unfinished:
        print(f"not measured to the end: {', '.join(unfinished)}")
    return len(unfinished)


def run(words: list[str]) -> int:
    """Run one step; return its exit code, or -1 if it had to be ended."""
    try:
        return subprocess.run(
            [sys.executable, *words], cwd=results.ROOT, timeout=A_STEP_AT_MOST, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return -1


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="Every measurement, and the report.")
    given.add_argument("--skip", default="", help="names, separated by commas")
    sys.exit(main(set(given.parse_args().skip.split(","))))
