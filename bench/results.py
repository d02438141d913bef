"""Results as JSON files, one for each measurement, in a folder that git ignores.

So a report can be written again without measuring again, and one measurement be repeated without
the others.
"""

import json
import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "bench"
RESULTS = BUILD / "results"

Result = dict[str, Any]


def write(name: str, result: Result) -> None:
    """Keep a measurement, with when and of what it was."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    about = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}
    text = json.dumps({**about, **result}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def read(name: str) -> Result | None:
    """Return a measurement, if there is one."""
    try:
        found: Result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def forget(name: str) -> None:
    """Delete a measurement, so that an old one is not reported as new."""
    (RESULTS / f"{name}.json").unlink(missing_ok=True)


def adopt(name: str, written: Path) -> None:
    """Keep figures that another program wrote as a list, if it wrote them."""
    if written.exists():
        write(name, {"figures": json.loads(written.read_text(encoding="utf-8"))})
        written.unlink()


def commit() -> str:
    """Return the commit that is checked out, with a `+` where files differ from it."""
    words = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=8", "--dirty=+"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def machine() -> Result:
    """Say where this is."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "busy_before": round(busy_share(), 3),
    }


def busy_share(seconds: float = 1.0) -> float:
    """Return what share of all cores is busy with something, looking for a second."""

    def times() -> tuple[int, int]:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
        numbers = list(map(int, first.split()[1:9]))
        return sum(numbers), numbers[3] + numbers[4]

    all_before, idle_before = times()
    time.sleep(seconds)
    all_after, idle_after = times()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)
