"""Watching one machine: a picture and a table that says what each program collects."""

from bench.candidates import DESKWIRE
from bench.figures import spent
from bench.markdown import Lines, picture, table
from bench.plots import Bar, Bars
from bench.results import Result


def watching(result: Result) -> Lines:
    """Tell of watching one machine."""
    programs = result["programs"]
    order = sorted(programs, key=lambda name: spent(programs[name], "watched"))
    woken = spent(programs[DESKWIRE], "watched", "wake_ups_a_second")
    lines = [
        "",
        "## Watching one machine",
        "",
        (
            "All of them on the same machine at the same time, with nobody looking and asked "
            "once a "
            f"second (deskwire: one client, by TLS; it wakes {woken:.1f} times a second "
            "for it). They do not do the same: what each collects stands beside it."
        ),
        "",
        *picture(
            "watching",
            "processor time a minute, watched",
            Bars(
                "Watched once a second: processor time a minute",
                "seconds, the whole process tree; the smaller the better",
                [
                    Bar(
                        name,
                        spent(programs[name], "watched"),
                        f"{spent(programs[name], 'watched'):.3f} s",
                        ours=name == DESKWIRE,
                    )
                    for name in order
                ],
            ),
        ),
        *table(
            ("", "CPU s a minute, watched", "unwatched", "MiB resident (shared split)", "collects"),
            [
                (
                    f"**{name}**" if name == DESKWIRE else name,
                    f"{spent(programs[name], 'watched'):.3f}",
                    f"{spent(programs[name], 'unwatched'):.3f}",
                    (
                        f"{programs[name]['memory_mib']:.0f} "
                        f"({programs[name]['proportional_mib']:.0f})"
                    ),
                    (
                        f"{programs[name]['collects']}; {programs[name]['answer_bytes']:,} bytes "
                        "an answer"
                    ),
                )
                for name in order
            ],
        ),
    ]
    return lines + [f"\n{who} is not here: {why}." for who, why in result["missing"].items()]
