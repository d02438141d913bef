"""Figures of the reports, drawn by matplotlib in the environment of the benchmarks."""

import json
from collections.abc import Sequence
from pathlib import Path
from subprocess import run
from typing import NamedTuple

from bench.prepare import PYTHON
from bench.results import ROOT


class Bar(NamedTuple):
    """One program's figure."""

    name: str
    value: float
    label: str
    ours: bool


class Bars(NamedTuple):
    """Horizontal bars; a goal is a dashed line."""

    title: str
    label: str
    bars: Sequence[Bar]
    goal: float | None = None


class Curves(NamedTuple):
    """Values over time, each a name and as many values as there are times."""

    title: str
    label: str
    times: Sequence[float]
    curves: Sequence[tuple[str, Sequence[float]]]


def write(picture: Bars | Curves, path: Path) -> None:
    """Write an SVG file; raises `CalledProcessError` if matplotlib cannot draw it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = [str(PYTHON), "-m", "bench.peers.draw", str(path)]
    run(words, cwd=ROOT, input=json.dumps(picture._asdict()), text=True, check=True)
