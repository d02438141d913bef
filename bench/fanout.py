"""One frame to 100, 1,000 and 5,000 clients: the daemon beside the floor and its peers.

    .venv/bin/python -m bench.fanout [--passes 2] [--sizes 100,1000,5000] [--mode plain|tls]
                                     [--only WORD] [--add]

Every candidate is started again for each pass, and the passes are interleaved, so that other
load on the machine affects all of them. The load generator opens all clients first, then lets more
and more of them subscribe. `--add` adds passes to the existing results.
"""

import argparse
import asyncio
from collections.abc import Callable
from typing import Any

from bench import results
from bench.candidates import DESKWIRE, FLOOR, PEER_TABLE, Asked, peer_running
from bench.cores import open_many_files
from bench.load import Measured, NotMeasured, load
from bench.prepare import prepare
from bench.surroundings import FRAME, Surroundings, listen_address, make_tokens, surroundings

SIZES = [100, 1000, 5000]
FRAMES = 8
INTERVALS = {"plain": 0.2, "tls": 0.3}
"""Seconds: longer than the slowest needs for one frame to 5,000."""
PASSES = {"plain": 2, "tls": 2}
PAIR = (DESKWIRE, FLOOR)
MORE_PAIRS = 7
"""Number of repetitions of these two in each plain pass, with the most clients.

Their ratio is a goal, and from one pair of runs to the next it swings by a fifth.
"""

Measure = Callable[[Asked, list[int]], Measured]


async def main(passes: dict[str, int], sizes: list[int], only: str, *, add: bool) -> None:
    """Measure and keep it."""
    open_many_files()
    missing = prepare("load", "certificate", *{peer.need for peer in PEER_TABLE})
    done = results.read("fanout") if add else None
    modes: dict[str, Any] = done["modes"] if done else {}
    async with surroundings() as there:
        path = await make_tokens(there, sizes[-1])
        candidates: dict[str, Measure] = {DESKWIRE: lambda a, s: of_the_daemon(there, path, s, a)}
        for peer in PEER_TABLE:
            if peer.need not in missing:
                candidates[peer.name] = lambda a, s, peer=peer: of_a_peer(peer, s, a)  # type: ignore[misc]
        for mode, times in passes.items():
            asked = Asked(INTERVALS[mode], FRAME, mode == "tls")
            measured = modes.setdefault(mode, {"interval": asked.interval, "passes": {}})["passes"]
            again = PAIR * MORE_PAIRS if mode == "plain" else ()
            for number in range(times):
                turns = [(name, sizes) for name in candidates] + [(n, sizes[-1:]) for n in again]
                for name, crowds in turns:
                    if only in name:
                        one = once(name, mode, candidates[name], asked, crowds)
                        measured.setdefault(name, []).append(one)
                        print(f"{mode} {number + 1}: {name}", flush=True)
                        keep(sizes, modes, missing)


def keep(sizes: list[int], modes: dict[str, Any], missing: dict[str, str]) -> None:
    """Write down what there is so far."""
    results.write(
        "fanout",
        {
            "sizes": sizes,
            "frames": FRAMES,
            "frame_bytes": len(FRAME.read_bytes()),
            "modes": modes,
            "missing": {
                peer.name: missing[peer.need] for peer in PEER_TABLE if peer.need in missing
            },
        },
    )


def once(name: str, mode: str, measure: Measure, asked: Asked, sizes: list[int]) -> Measured:
    """Measure one candidate once; what goes wrong with it is a result too."""
    try:
        return measure(asked, sizes)
    except (NotMeasured, OSError) as problem:
        print(f"{name}, {mode}: {problem}", flush=True)
        return {"failed": str(problem)}


def of_a_peer(peer: Any, sizes: list[int], asked: Asked) -> Measured:
    """Measure a peer."""
    with peer_running(peer, asked) as listen_address:
        return load(listen_address, sizes, frames=FRAMES, interval=asked.interval, tls=asked.tls)


def of_the_daemon(there: Surroundings, path: str, sizes: list[int], asked: Asked) -> Measured:
    """Measure the daemon."""
    with there.serving(interval=asked.interval, tls=asked.tls) as desk:
        target = listen_address(desk, path)
        return load(target, sizes, frames=FRAMES, interval=asked.interval, tls=asked.tls)


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="One frame to many clients.")
    given.add_argument("--passes", type=int)
    given.add_argument("--sizes", default=",".join(map(str, SIZES)))
    given.add_argument("--mode", choices=sorted(INTERVALS))
    given.add_argument("--only", default="", help="a part of a candidate's name")
    given.add_argument("--add", action="store_true")
    wanted = given.parse_args()
    rounds = {
        mode: wanted.passes or times
        for mode, times in PASSES.items()
        if wanted.mode in (None, mode)
    }
    asyncio.run(main(rounds, list(map(int, wanted.sizes.split(","))), wanted.only, add=wanted.add))
