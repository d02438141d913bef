"""The load generator (`load/load.c`), run on its own core against one server."""

import json
import subprocess
from typing import Any

from bench.candidates import ListenAddress
from bench.cores import LOAD as CORE
from bench.cores import on
from bench.prepare import LOAD

PATIENCE = 85.0

Measured = dict[str, Any]


class NotMeasured(Exception):
    """A server did not bear the load; the words say how."""


def load(
    listen_address: ListenAddress,
    sizes: list[int],
    *,
    frames: int,
    interval: float,
    tls: bool,
) -> Measured:
    """Open clients and stream to them; raises `NotMeasured`."""
    words = [
        str(LOAD),
        *("--port", str(listen_address.port), "--path", listen_address.path),
        *("--sizes", ",".join(map(str, sizes)), "--frames", str(frames)),
        *("--interval", str(interval), "--texts", str(listen_address.texts)),
        *("--pids", ",".join(map(str, listen_address.pids))),
        *(["--tls"] if tls else []),
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
