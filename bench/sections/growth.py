"""Growth with clients, players and time, as pictures."""

from statistics import median

from bench.chart import Curve, Panel, chart, panels
from bench.markdown import Lines, picture
from bench.results import Result


def growth(result: Result) -> Lines:
    """Tell what grows, and how."""
    sizes, players = result["clients"]["sizes"], result["players"]
    clients = [f"{each['size']:,}" for each in sizes]
    many = [str(each["players"]) for each in players]

    def of_rounds(key: str) -> list[float]:
        return [median(one[key] for one in each["rounds"]) for each in sizes]

    return [
        "",
        "## What grows",
        "",
        (
            "With clients: processor time and last delivery by the frame each of them gets, "
            "memory by "
            "what a connection holds."
        ),
        "",
        *picture(
            "growth-clients",
            "what grows with clients",
            panels(
                "More clients",
                "plain connections, a frame each 0.2 s",
                [
                    Panel("CPU a frame to all, ms", clients, of_rounds("cpu_ms")),
                    Panel("last delivery, ms after due", clients, of_rounds("last_ms")),
                    Panel(
                        "resident, MiB", clients, [each["resident_kib"] / 1024 for each in sizes]
                    ),
                ],
            ),
        ),
        (
            "With players: the frame's length. One client by TLS, a reading a second, each "
            "player a "
            "connection on the bus."
        ),
        "",
        *picture(
            "growth-players",
            "what grows with players",
            panels(
                "More players",
                "one client, a reading a second",
                [
                    Panel("CPU a second, ms", many, [each["cpu_ms_a_second"] for each in players]),
                    Panel("resident, MiB", many, [each["resident_mib"] for each in players]),
                    Panel("frame, KiB", many, [each["frame_bytes"] / 1024 for each in players]),
                    Panel(
                        "signal to frame, ms",
                        many,
                        [median(each["signal_to_frame_ms"]) for each in players],
                    ),
                    Panel(
                        "connect to all players, ms",
                        many,
                        [each["connect_to_all_players_ms"] for each in players],
                    ),
                ],
            ),
        ),
        *over_time(result["time"], "growth-time"),
    ]


def half_hour(result: Result) -> Lines:
    """Tell of the half hour that was not compressed."""
    return over_time(result, "growth-half-hour")


def over_time(time: Result, name: str) -> Lines:
    """Tell of memory over media changes."""
    minutes = time["changes"] * time["pace_s"] / 60
    stands_for = time["stands_for_s"] / 60
    squeezed = (
        "at their own pace"
        if minutes > stands_for * 0.9
        else f"compressed into {minutes * 60:.0f} seconds"
    )
    return [
        (
            f"With time: {time['changes']} media changes of a real mpv, as many as in "
            f"{stands_for:.0f} "
            f"minutes with a skip every five seconds, {squeezed}; "
            f"{time['cpu_ms_a_change']:.1f} ms of the daemon's CPU a change. Memory grew by "
            f"{time['grown_mib']:.2f} MiB from the second sixth to the last."
        ),
        "",
        *picture(
            name,
            "memory over media changes",
            chart(
                f"Memory over {time['changes']} media changes",
                [changes for changes, _, _ in time["samples"]],
                [
                    Curve("resident, MiB", [mib for _, mib, _ in time["samples"]]),
                    Curve("of its own (anonymous), MiB", [mib for _, _, mib in time["samples"]]),
                ],
                "changes",
            ),
        ),
    ]
