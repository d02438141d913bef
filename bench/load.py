"""The load generator (`load/load.c`), run on its own core against one server."""

import json
import subprocess
from typing import Any

from bench.candidates import Door
from bench.cores import LOAD as CORE
from bench.cores import on
from bench.prepare import LOAD

PATIENCE = 85.0

Measured = dict[str, Any]


class NotMeasured(Exception):
    """A server did not bear the load; the words say how."""


def load(
    door: Door,
    sizes: list[int],
    *,
    frames: int,
    interval: float,
    tls: bool,
    stepwise: bool = False,
) -> Measured:
    """Open screens and stream to them; raises `NotMeasured`."""
    words = [
        str(LOAD),
        *("--port", str(door.port), "--path", door.path),
        *("--sizes", ",".join(map(str, sizes)), "--frames", str(frames)),
        *("--interval", str(interval), "--texts", str(door.texts)),
        *("--pids", ",".join(map(str, door.pids))),
        *(["--tls"] if tls else []),
        *(["--stepwise"] if stepwise else []),
    ]
    with on(CORE):
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            raise NotMeasured(f"not done within {PATIENCE:g} s") from None
    lines = done.stdout.splitlines()
    if not lines:
        raise NotMeasured(f"the load generator ended with {done.returncode}")
    measured: Measured = json.loads(lines[-1])
    if "failed" in measured:
        raise NotMeasured(f"{measured['failed']} {done.stderr.strip()[:200]}".strip())
    return measured
