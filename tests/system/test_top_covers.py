"""Covers in `deskwire top`, at terminals that say what they can show."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support.programs import MOCK_PASSWORD, PROGRAM, MockServer, environment, run
from tests.support.terminal_emulator import TerminalScreen
from tests.support.terminals import ANSWERS, KITTY, PictureTerminal

Env = dict[str, str]
UP, DOWN = "\x1b[A", "\x1b[B"
CTRL_Z = "\x1a"


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """Lend a person who is logged in to a desk; its first player has a cover, the second none."""
    env = environment(tmp_path_factory.mktemp("person"), (), {}, {})
    with MockServer(tmp_path_factory.mktemp("mock"), "--scenario", "players") as mock:
        words = ("login", mock.address, "--fingerprint", mock.fingerprint, "--password-stdin")
        assert run(*words, env=env, given=f"{MOCK_PASSWORD}\n").returncode == 0
        yield env


def top(env: Env, terminal: str, *words: str) -> PictureTerminal:
    return PictureTerminal([PROGRAM, "top", *words], env, ANSWERS[terminal])


def square(glass: TerminalScreen) -> bool:
    """Tell whether one square picture is seen: cells are twice as high as wide."""
    rows = {y for _, y in glass.covered}
    columns = {x for x, _ in glass.covered}
    return len(rows) >= 5 and len(columns) == 2 * len(rows)


def is_bare(glass: TerminalScreen) -> bool:
    return not glass.covered


@pytest.mark.parametrize("terminal", ["kitty", "xterm", "mlterm", "tmux with sixels"])
def test_picture_is_drawn_and_removed_without_a_trace(env: Env, terminal: str) -> None:
    with top(env, terminal) as shown:
        shown.wait_for(square)
        covered = set(shown.screen.covered)
        shown.press(DOWN)
        shown.wait_for(is_bare)
        shown.press(UP)
        again = set(shown.wait_for(square).covered)
        shown.press("q")

        assert shown.wait() == 0
        assert is_bare(shown.screen)
        assert again == covered
        assert shown.echoes


def test_kitty_gets_the_picture_in_small_chunks_and_deletes_it(env: Env) -> None:
    with top(env, "kitty") as shown:
        shown.wait_for(square)
        (content,) = shown.screen.sent.values()
        shown.press("q")
        shown.wait()

    with Image.open(io.BytesIO(content)) as image:
        assert image.size[0] == image.size[1] > 100
        assert len(image.convert("RGB").getcolors(1_000_000) or []) > 10
    assert 0 < shown.screen.longest_chunk <= 4096
    assert shown.screen.events[-2:] == ["forgotten", "left"]
    assert not shown.screen.sent


def test_sixel_picture_has_at_most_the_colours_of_the_terminal(env: Env) -> None:
    with top(env, "xterm") as shown:
        sixels = shown.wait_for(square).sixels

    assert sixels is not None
    assert 2 < len(set(sixels.pixels.values())) <= 16
    assert len(sixels.pixels) == sixels.width * sixels.height


@pytest.mark.parametrize("terminal", ["tmux", "plain", "mute"])
def test_terminal_without_pictures_gets_half_blocks(env: Env, terminal: str) -> None:
    with top(env, terminal) as shown:
        shown.wait_for_text("▀▀▀▀▀▀▀▀")

        assert KITTY not in shown.queries
        assert is_bare(shown.screen)


@pytest.mark.parametrize(
    ("medium", "seen"),
    [
        ("kitty", lambda glass: bool(glass.placed)),
        ("sixel", lambda glass: bool(glass.sixels) and square(glass)),
        ("blocks", lambda glass: "▀▀▀▀" in glass.text),
        ("none", lambda glass: "Roads" in glass.text),
    ],
)
def test_art_option_overrides_the_detected_protocol(env: Env, medium: str, seen: "object") -> None:
    with top(env, "mute", "--art", medium) as shown:
        assert callable(seen)
        shown.wait_for(seen)

        assert "▀" not in shown.screen.text or medium == "blocks"


@pytest.mark.parametrize("terminal", ["kitty", "xterm"])
def test_cover_follows_the_size_of_the_terminal(env: Env, terminal: str) -> None:
    with top(env, terminal) as shown:
        before = len(shown.wait_for(square).covered)
        shown.resize(120, 40)
        shown.wait_for(lambda glass: square(glass) and len(glass.covered) > before)
        shown.resize(36, 24)
        shown.wait_for(is_bare)


@pytest.mark.parametrize("terminal", ["kitty", "xterm"])
def test_suspended_top_removes_the_cover_and_restores_it_when_resumed(
    env: Env, terminal: str
) -> None:
    shell = ["bash", "--norc", "--noprofile", "-i", "-c", f"set -m; {PROGRAM} top; fg; exit $?"]
    with PictureTerminal(shell, env, ANSWERS[terminal]) as shown:
        shown.wait_for(square)
        begun = shown.screen.events.count("opened")
        shown.press(CTRL_Z)
        shown.wait_for(lambda glass: glass.events.count("opened") > begun and square(glass))
        shown.press("q")

        assert shown.wait() == 0
        assert is_bare(shown.screen)
        left = shown.screen.events.index("left")
        assert terminal == "xterm" or shown.screen.events[left - 1] == "forgotten"


def test_no_color_gets_half_blocks(env: Env) -> None:
    with top({**env, "NO_COLOR": "1"}, "kitty") as shown:
        shown.wait_for_text("▀▀▀▀▀▀▀▀")

        assert is_bare(shown.screen)


def test_unknown_art_protocol_is_refused_with_the_known_ones(env: Env, tmp_path: Path) -> None:
    done = run("top", "--art", "jpeg", env=env)

    assert done.returncode == 2
    assert "'kitty'" in done.stderr
