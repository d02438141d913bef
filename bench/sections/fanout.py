"""One frame to many clients: a picture, a table of each size, a table of connections."""

from collections.abc import Sequence

from bench.candidates import DESKWIRE, FLOOR
from bench.figures import Delivery, deliveries, doorways, failures
from bench.markdown import Lines, picture, table
from bench.plots import Bar, Bars
from bench.results import Result

MODES = {"plain": "plain", "tls": "TLS"}


def fanout(result: Result) -> Lines:
    """Tell of one frame to many."""
    lines = [
        "",
        "## One frame to many clients",
        "",
        (
            f"One real `stats` frame of {result['frame_bytes']} bytes. deskwire is the whole "
            "daemon with every device, started as a program; each client has logged in with a "
            "token of its own. The others send the same bytes and do nothing else. *First* and "
            "*last* are milliseconds after the moment the frame was due; deskwire reads this "
            "machine and makes the frame in them."
        ),
    ]
    for mode, name in MODES.items():
        if mode not in result["modes"]:
            continue
        lines += ["", f"### {name[0].upper()}{name[1:]}", ""]
        lines += picture(
            f"fanout-{mode}",
            f"processor time a delivered frame, {name}",
            fanout_bars(result, mode, 5000 if mode == "plain" else 1000),
        )
        lines += fanout_table(result, mode)
        lines += ["", *doorway_table(result, mode)]
        lines += [f"\n{who} did not bear it: {how}." for who, how in failures(result, mode).items()]
    lines += [f"\n{who} is not here: {why}." for who, why in result["missing"].items()]
    return lines


def fanout_bars(result: Result, mode: str, size: int) -> Bars:
    """Draw processor time a frame, in the floor's."""
    found = deliveries(result, mode, size)
    return Bars(
        f"One frame to {size:,} clients, {MODES[mode]}: processor time, × the C loop",
        "the server's processor time a delivered frame, median of the passes' ratios",
        [
            Bar(
                each.name,
                each.ratio,
                f"{each.ratio:.2f} ×  ({each.cpu_us:.1f} µs)",
                ours=each.name == DESKWIRE,
            )
            for each in found
        ],
        goal=1.20 if mode == "plain" else 1.25,
    )


def fanout_table(result: Result, mode: str) -> Lines:
    """Tabulate every size."""
    sizes = result["sizes"]
    columns = {size: {each.name: each for each in deliveries(result, mode, size)} for size in sizes}
    order = [each.name for each in deliveries(result, mode, sizes[-1])]
    heads = [f"{size:,}: µs a frame, first–last ms" for size in sizes]
    return table(
        ("× C at the most clients, its passes from–to", *heads),
        [(name_of(name, columns[sizes[-1]][name]), *row(name, columns, sizes)) for name in order],
    )


def name_of(name: str, most: Delivery) -> str:
    """Write a candidate's name with its ratio, and how far that swung."""
    shown = f"**{name}**" if name == DESKWIRE else name
    if name == FLOOR or not most.ratios:
        return f"{shown} {most.ratio:.2f}"
    return f"{shown} {most.ratio:.2f}, {min(most.ratios):.2f}–{max(most.ratios):.2f}"


def row(name: str, columns: dict[int, dict[str, Delivery]], sizes: Sequence[int]) -> Lines:
    """Write one candidate's cells."""
    cells = []
    for size in sizes:
        each = columns[size].get(name)
        if each is None:
            cells.append("–")
            continue
        late = "" if each.complete else ", did not keep up"
        cells.append(f"{each.cpu_us:.2f}, {each.first_ms:.1f}–{each.last_ms:.1f}{late}")
    return cells


def doorway_table(result: Result, mode: str) -> Lines:
    """Tabulate opening and holding connections."""
    return table(
        ("", "accepts a second", "CPU µs an accept", "KiB a connection", "MiB without any"),
        [
            (
                f"**{each.name}**" if each.name == DESKWIRE else each.name,
                f"{each.a_second:,.0f}",
                f"{each.cpu_us:.0f}",
                f"{each.kib:.1f}",
                f"{each.base_mib:.0f}",
            )
            for each in doorways(result, mode)
        ],
    )
