"""Every measurement in one go, one after another, and the report of it: `make bench`.

    .venv/bin/python -m bench.all [--skip page,guard]

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
    "growth": ["-m", "bench.growth"],
    "guard": ["-m", "bench.guard"],
    "page": ["-m", "bench.page", "--json", str(PAGE_FIGURES)],
}
A_STEP_AT_MOST = 900.0


def main(skipped: set[str]) -> int:
    """Do all of it; return how many steps failed."""
    began = time.monotonic()
    prepare()
    results.write("machine", results.machine())
    failed = []
    for name, words in STEPS.items():
        if name in skipped:
            continue
        results.forget(name)
        started = time.monotonic()
        print(f"---- {name}", flush=True)
        code = subprocess.run(
            [sys.executable, *words], cwd=results.ROOT, timeout=A_STEP_AT_MOST, check=False
        ).returncode
        if name == "page":
            results.adopt("page", PAGE_FIGURES)
        if results.read(name) is None:
            failed.append(name)
        print(f"{name} took {time.monotonic() - started:.0f} s and ended with {code}", flush=True)
    where = report.write()
    print(f"{where.relative_to(results.ROOT)}, after {(time.monotonic() - began) / 60:.1f} minutes")
    if failed:
        print(f"not measured: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="Every measurement, and the report.")
    given.add_argument("--skip", default="", help="names, separated by commas")
    sys.exit(main(set(given.parse_args().skip.split(","))))
