import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from deskwire.client.desk_state import ConnectionState, Phase
from deskwire.client.problems import LoginEnded, Unreachable
from deskwire.model.readings import Snapshot, Volume, Wifi
from deskwire.model.units import Percent, Seconds
from deskwire.protocol.close_codes import NextStep
from deskwire.tui.cover import parse_cover
from deskwire.tui.screen import render_screen
from deskwire.tui.spans import Tone, cells, text_of
from deskwire.tui.view_model import ViewModel
from tests.tui.views import BOOT, example, picture, player, view

SHOWN = Path(__file__).with_name("shown")
LONG = "שלום עולם \u202e\x1b[31mred\x1b[0m\x07 " + "very long " * 60
LOST = ConnectionState(
    phase=Phase.WAITING, retry_at=Seconds(BOOT + 5), close_code=1006, next=NextStep.RECONNECT
)
VIEWS = {
    "example-80x24": (view(cover=parse_cover(picture())), 80, 24),
    "example-132x36": (view(cover=parse_cover(picture())), 132, 36),
    "nothing-80x24": (view(Snapshot()), 80, 24),
    "many-80x24": (
        view(
            replace(
                example(),
                players=tuple(player(n, title=LONG) for n in range(1, 9)),
                battery=None,
                backlight=None,
                wifi=Wifi("", connected=False),
                volume=Volume(Percent(130)),
            ),
            selected=4,
        ),
        80,
        24,
    ),
    "lost-80x24": (view(state=LOST), 80, 24),
}


def shown(model: ViewModel, width: int, height: int) -> str:
    return "\n".join(text_of(line).rstrip() for line in render_screen(model, width, height)) + "\n"


@pytest.mark.parametrize("name", list(VIEWS))
def test_display_equals_its_golden_file(name: str) -> None:
    """DESKWIRE_KEEP=1 updates the files. Look at the difference before you commit it."""
    drawn = shown(*VIEWS[name])
    file = SHOWN / f"{name}.txt"
    if os.environ.get("DESKWIRE_KEEP"):
        file.write_text(drawn, encoding="utf-8")

    assert drawn == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "reading",
    ["memory", "cpu", "network", "uptime", "disk", "wifi", "battery", "volume", "backlight"],
)
def test_missing_reading_has_no_row(reading: str) -> None:
    labels = {"cpu": "CPU", "wifi": "Wi-Fi", "network": "Download"}
    label = labels.get(reading, reading.capitalize())
    without = view(replace(example(), **{reading: None}))

    assert label in shown(view(), 80, 24)
    assert label not in shown(without, 80, 24)
    assert label not in shown(without, 132, 36)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (ConnectionState(phase=Phase.LIVE), "● live"),
        (ConnectionState(phase=Phase.LIVE, ends=Seconds(BOOT + 239)), "session ends in 3:59"),
        (ConnectionState(phase=Phase.EXPIRING, ends=Seconds(BOOT + 9)), "renewing the session"),
        (LOST, "connection lost (1006) · reconnecting in 5 s"),
        (
            ConnectionState(phase=Phase.WAITING, close_code=4001, next=NextStep.LOG_IN),
            "the desk requires a new login (4001) · logging in again…",
        ),
        (
            ConnectionState(phase=Phase.WAITING, close_code=4004, next=NextStep.REFRESH),
            "the session has ended (4004) · requesting a new token…",
        ),
        (
            ConnectionState(phase=Phase.WAITING, retry_at=Seconds(BOOT + 1), close_code=1001),
            "the desk is shutting down (1001) · reconnecting in 1 s",
        ),
        (
            ConnectionState(phase=Phase.WAITING, close_code=1011),
            "connection closed (1011) · reconnecting…",
        ),
        (
            ConnectionState(
                phase=Phase.WAITING,
                retry_at=Seconds(BOOT + 10),
                problem=Unreachable(f"wss://desk.local:8765/{'long/' * 20}: refused"),
            ),
            "● the desk is unreachable · reconnecting in 10 s",
        ),
        (ConnectionState(phase=Phase.CONNECTING), "connecting…"),
        (ConnectionState(phase=Phase.ENDED), "ended: the desk ended the connection"),
        (
            ConnectionState(phase=Phase.ENDED, problem=LoginEnded("wrong \x1b[2J")),
            "ended: wrong �[2J",
        ),
    ],
)
def test_first_line_shows_the_connection_status(state: ConnectionState, text: str) -> None:
    assert text in shown(view(state=state), 132, 36).splitlines()[0]


def test_stale_display_has_no_colours() -> None:
    stale = render_screen(view(state=LOST, cover=parse_cover(picture())), 80, 24)
    spans = [span for line in stale[1:-2] for span in line if span.text.strip()]

    assert {span.tone for span in spans if span.front is None} == {Tone.FAINT}
    assert all(len(set(span.front)) == 1 for span in spans if span.front is not None)


def test_progress_moves_between_two_snapshots() -> None:
    before = view(monotonic=Seconds(100.0))
    after = replace(before, monotonic=Seconds(100.6))

    assert shown(before, 80, 24) != shown(after, 80, 24)


anything = st.text(max_size=40)
players = st.lists(
    st.builds(
        player,
        st.integers(1, 9),
        title=anything,
        name=anything,
        artist=anything,
        album=st.none() | anything,
        playing=st.booleans(),
        duration=st.none() | st.floats(0, 1e6).map(Seconds),
    ),
    max_size=5,
).map(tuple)


@given(players, anything, st.integers(0, 150), st.integers(0, 45), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_content_fits_and_is_printable(
    players_: tuple[object, ...], notice: str, width: int, height: int, covered: bool
) -> None:
    snapshot = replace(example(), players=players_)
    cover = parse_cover(picture()) if covered else None
    selected = max(len(players_) - 1, 0)

    lines = render_screen(
        view(snapshot, selected=selected, notice=notice, cover=cover), width, height
    )

    assert len(lines) == height
    for line in lines:
        assert cells(text_of(line)) == width
        assert text_of(line).isprintable()
