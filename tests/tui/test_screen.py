import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from deskwire.client.connection_state import Phase, State
from deskwire.client.problems import LoginEnded, Unreachable
from deskwire.model.readings import Snapshot, Volume, Wifi
from deskwire.model.units import Percent, Seconds
from deskwire.protocol.close_codes import NextStep
from deskwire.tui.cover import parse_cover
from deskwire.tui.screen import ViewModel, render_screen
from deskwire.tui.spans import Tone, cells, text_of
from tests.tui.scenes import BOOT, example, picture, player, scene

SHOWN = Path(__file__).with_name("shown")
LONG = "שלום עולם \u202e\x1b[31mred\x1b[0m\x07 " + "very long " * 60
LOST = State(phase=Phase.WAITING, again=Seconds(BOOT + 5), close_code=1006, next=NextStep.RECONNECT)
SCENES = {
    "example-80x24": (scene(cover=parse_cover(picture())), 80, 24),
    "example-132x36": (scene(cover=parse_cover(picture())), 132, 36),
    "nothing-80x24": (scene(Snapshot()), 80, 24),
    "many-80x24": (
        scene(
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
    "lost-80x24": (scene(state=LOST), 80, 24),
}


def shown(drawn: ViewModel, width: int, height: int) -> str:
    return "\n".join(text_of(line).rstrip() for line in render_screen(drawn, width, height)) + "\n"


@pytest.mark.parametrize("name", list(SCENES))
def test_the_screen_looks_as_it_is_kept(name: str) -> None:
    """DESKWIRE_KEEP=1 keeps anew what is drawn: look at the difference before it is committed."""
    drawn = shown(*SCENES[name])
    file = SHOWN / f"{name}.txt"
    if os.environ.get("DESKWIRE_KEEP"):
        file.write_text(drawn, encoding="utf-8")

    assert drawn == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "reading",
    ["memory", "cpu", "network", "uptime", "disk", "wifi", "battery", "volume", "backlight"],
)
def test_what_the_desk_does_not_have_is_not_there(reading: str) -> None:
    labels = {"cpu": "CPU", "wifi": "Wi-Fi", "network": "Download"}
    label = labels.get(reading, reading.capitalize())
    without = scene(replace(example(), **{reading: None}))

    assert label in shown(scene(), 80, 24)
    assert label not in shown(without, 80, 24)
    assert label not in shown(without, 132, 36)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State(phase=Phase.LIVE), "● live"),
        (State(phase=Phase.LIVE, ends=Seconds(BOOT + 239)), "session ends in 3:59"),
        (State(phase=Phase.EXPIRING, ends=Seconds(BOOT + 9)), "renewing the session"),
        (LOST, "connection lost (1006) · reconnecting in 5 s"),
        (
            State(phase=Phase.WAITING, close_code=4001, next=NextStep.LOG_IN),
            "the desk wants a new login (4001) · logging in again…",
        ),
        (
            State(phase=Phase.WAITING, close_code=4004, next=NextStep.REFRESH),
            "the session is over (4004) · getting a new token…",
        ),
        (
            State(phase=Phase.WAITING, again=Seconds(BOOT + 1), close_code=1001),
            "the desk goes away (1001) · reconnecting in 1 s",
        ),
        (
            State(phase=Phase.WAITING, close_code=1011),
            "the connection was closed (1011) · reconnecting…",
        ),
        (
            State(
                phase=Phase.WAITING,
                again=Seconds(BOOT + 10),
                problem=Unreachable(f"wss://desk.local:8765/{'long/' * 20}: refused"),
            ),
            "● the desk cannot be reached · reconnecting in 10 s",
        ),
        (State(phase=Phase.CONNECTING), "connecting…"),
        (State(phase=Phase.ENDED), "over: the desk ended the connection"),
        (State(phase=Phase.ENDED, problem=LoginEnded("wrong \x1b[2J")), "over: wrong �[2J"),
    ],
)
def test_the_first_line_says_how_the_connection_stands(state: State, words: str) -> None:
    assert words in shown(scene(state=state), 132, 36).splitlines()[0]


def test_a_desk_that_is_away_is_shown_without_colours() -> None:
    away = render_screen(scene(state=LOST, cover=parse_cover(picture())), 80, 24)
    spans = [span for line in away[1:-2] for span in line if span.text.strip()]

    assert {span.tone for span in spans if span.front is None} == {Tone.FAINT}
    assert all(len(set(span.front)) == 1 for span in spans if span.front is not None)


def test_the_progress_moves_between_two_snapshots() -> None:
    before = scene(monotonic=Seconds(100.0))
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
def test_whatever_is_in_it_fits_and_only_prints(
    some: tuple[object, ...], news: str, width: int, height: int, covered: bool
) -> None:
    snapshot = replace(example(), players=some)
    cover = parse_cover(picture()) if covered else None
    selected = max(len(some) - 1, 0)

    lines = render_screen(scene(snapshot, selected=selected, news=news, cover=cover), width, height)

    assert len(lines) == height
    for line in lines:
        assert cells(text_of(line)) == width
        assert text_of(line).isprintable()
