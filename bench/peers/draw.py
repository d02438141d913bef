"""Draws one figure with matplotlib: reads it as JSON from stdin, and writes an SVG file.

python -m bench.peers.draw FILE

A program of its own, because matplotlib is in the environment of the benchmarks only. `plots.py`
describes the JSON.
"""

import json
import sys
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

OURS, OTHER, GOAL = "#2563eb", "#94a3b8", "#dc2626"
WIDTH = 8.0
"""Inches."""


def draw_bars(picture: dict[str, Any]) -> Figure:
    """Draw horizontal bars, the first at the top, and the goal as a line."""
    figure = Figure(figsize=(WIDTH, 1.2 + 0.35 * len(picture["bars"])), layout="constrained")
    axes = figure.subplots()
    names, values, labels, ours = zip(*picture["bars"], strict=True)
    drawn = axes.barh(names, values, color=[OURS if each else OTHER for each in ours])
    axes.bar_label(drawn, labels, padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    if picture["goal"] is not None:
        axes.axvline(picture["goal"], color=GOAL, linestyle="--")
    axes.set(title=picture["title"], xlabel=picture["label"])
    return figure


def draw_curves(picture: dict[str, Any]) -> Figure:
    """Draw curves over time one below another, each from zero."""
    curves = picture["curves"]
    figure = Figure(figsize=(WIDTH, 1 + 1.5 * len(curves)), layout="constrained")
    rows = figure.subplots(len(curves), sharex=True, squeeze=False)[:, 0]
    for axes, (name, values) in zip(rows, curves, strict=True):
        axes.plot(picture["times"], values, color=OURS)
        axes.set_ylim(bottom=0)
        axes.set_title(name, loc="left", fontsize="medium")
    rows[-1].set_xlabel(picture["label"])
    figure.suptitle(picture["title"])
    return figure


if __name__ == "__main__":
    mpl.rcParams.update({"svg.hashsalt": "deskwire", "path.simplify": True})
    asked = json.load(sys.stdin)
    drawn_figure = draw_bars(asked) if "bars" in asked else draw_curves(asked)
    drawn_figure.savefig(sys.argv[1], format="svg", metadata={"Date": None})
