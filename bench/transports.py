"""The daemon's transports beside asyncio's, at 64 and at 2,000 sockets, plain and TLS.

    .venv/bin/python -m bench.transports [--passes 5]

Each pass starts the C loop and both servers of `peers/transports.py` again, one after another.
Printed: processor time for each frame, relative to the C loop of the same pass, and KiB of resident
memory for each connection at the largest size; medians of the passes, with the smallest and largest
ratio.
"""

import argparse
import sys
from collections import defaultdict
from statistics import median

from bench.candidates import FLOOR, PEER_TABLE, Asked, Peer, peer_running
from bench.cores import open_many_files
from bench.figures import kib_a_connection, of_passes
from bench.load import load
from bench.markdown import table
from bench.prepare import prepare
from bench.results import BUILD
from bench.surroundings import FRAME

SIZES = [64, 2000]
FRAMES, INTERVAL = 20, 0.1
OWN, STANDARD = "deskwire", "asyncio"


def peer(which: str) -> Peer:
    """Return the server on one of the transports."""
    words = [sys.executable, "-m", "bench.peers.transports", which]
    return Peer(which, "python", lambda asked: [*words, *asked.words, *asked.certificate])


def main(passes: int) -> None:
    """Measure, and print a table."""
    open_many_files()
    if missing := prepare("load", "certificate", "c"):
        sys.exit(f"nothing can be measured: {missing}")
    if not FRAME.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        FRAME.write_text("x" * 718, encoding="ascii")
    candidates = [each for each in PEER_TABLE if each.name == FLOOR] + [peer(OWN), peer(STANDARD)]
    rows = []
    for mode in ("plain", "TLS"):
        asked = Asked(INTERVAL, FRAME, tls=mode == "TLS")
        ratios: dict[tuple[str, int], list[float]] = defaultdict(list)
        memory: dict[str, list[float]] = defaultdict(list)
        for _ in range(passes):
            floor: dict[int, float] = {}
            for each in candidates:
                with peer_running(each, asked) as address:
                    measured = load(address, SIZES, frames=FRAMES, interval=INTERVAL, tls=asked.tls)
                memory[each.name].append(kib_a_connection(measured))
                for size in SIZES:
                    (cost,) = of_passes([measured], size)
                    assert cost is not None, (each.name, measured)
                    ratios[each.name, size].append(cost / floor.setdefault(size, cost))
        for each in candidates:
            cells = [
                f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})"
                for found in (ratios[each.name, size] for size in SIZES)
            ]
            rows.append((mode, each.name, *cells, f"{median(memory[each.name]):.1f}"))
    heads = ("", "", *(f"× C, {size:,} sockets" for size in SIZES), "KiB for each connection")
    print("\n".join(table(heads, rows)))


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="The transports of the daemon and of asyncio.")
    given.add_argument("--passes", type=int, default=5)
    main(given.parse_args().passes)
