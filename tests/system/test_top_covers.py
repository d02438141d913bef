"""Covers in `deskwire top`, at emulated terminals that report their features."""

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
    """Lend the environment of a logged-in user; the first player has a cover, the second none."""
    env = environment(tmp_path_factory.mktemp("home"))
    with MockServer(tmp_path_factory.mktemp("mock"), "--scenario", "players") as mock:
        words = ("login", mock.address, "--fingerprint", mock.fingerprint, "--password-stdin")
        assert run(*words, env=env, given=f"{MOCK_PASSWORD}\n").returncode == 0
        yield env


def top(env: Env, kind: str, *words: str) -> PictureTerminal:
    return PictureTerminal([PROGRAM, "top", *words], env, ANSWERS[kind])


def is_square(screen: TerminalScreen) -> bool:
    """Tell whether one square picture is shown; a cell is twice as high as wide."""
    rows = {y for _, y in screen.covered}
    columns = {x for x, _ in screen.covered}
    return len(rows) >= 5 and len(columns) == 2 * len(rows)


def has_no_picture(screen: TerminalScreen) -> bool:
    return not screen.covered


@pytest.mark.parametrize("kind", ["kitty", "xterm", "mlterm", "tmux with sixels"])
def test_picture_is_drawn_and_removed_without_a_trace(env: Env, kind: str) -> None:
    with top(env, kind) as terminal:
        terminal.wait_for(is_square)
        covered = set(terminal.screen.covered)
        terminal.press(DOWN)
        terminal.wait_for(has_no_picture)
        terminal.press(UP)
        again = set(terminal.wait_for(is_square).covered)
        terminal.press("q")

        assert terminal.wait() == 0
        assert has_no_picture(terminal.screen)
        assert again == covered
        assert terminal.echoes


def test_kitty_gets_small_chunks_and_deletes_the_picture(env: Env) -> None:
    with top(env, "kitty") as terminal:
        terminal.wait_for(is_square)
        (content,) = terminal.screen.sent.values()
        terminal.press("q")
        terminal.wait()

    with Image.open(io.BytesIO(content)) as image:
        assert image.size[0] == image.size[1] > 100
        assert len(image.convert("RGB").getcolors(1_000_000) or []) > 10
    assert 0 < terminal.screen.longest_chunk <= 4096
    assert terminal.screen.events[-2:] == ["forgotten", "left"]
    assert not terminal.screen.sent


def test_sixel_picture_has_at_most_the_colours_of_the_terminal(env: Env) -> None:
    with top(env, "xterm") as terminal:
        sixels = terminal.wait_for(is_square).sixels

    assert sixels is not None
    assert 2 < len(set(sixels.pixels.values())) <= 16
    assert len(sixels.pixels) == sixels.width * sixels.height


@pytest.mark.parametrize("kind", ["tmux", "plain", "mute"])
def test_terminal_without_pictures_gets_half_blocks(env: Env, kind: str) -> None:
    with top(env, kind) as terminal:
        terminal.wait_for_text("▀▀▀▀▀▀▀▀")

        assert KITTY not in terminal.queries
        assert has_no_picture(terminal.screen)


@pytest.mark.parametrize(
    ("medium", "condition"),
    [
        ("kitty", lambda screen: bool(screen.placed)),
        ("sixel", lambda screen: bool(screen.sixels) and is_square(screen)),
        ("blocks", lambda screen: "▀▀▀▀" in screen.text),
        ("none", lambda screen: "Roads" in screen.text),
    ],
)
def test_art_option_overrides_the_detected_protocol(
    env: Env, medium: str, condition: "object"
) -> None:
    with top(env, "mute", "--art", medium) as terminal:
        assert callable(condition)
        terminal.wait_for(condition)

        assert "▀" not in terminal.screen.text or medium == "blocks"


@pytest.mark.parametrize("kind", ["kitty", "xterm"])
def test_cover_follows_the_size_of_the_terminal(env: Env, kind: str) -> None:
    with top(env, kind) as terminal:
        before = len(terminal.wait_for(is_square).covered)
        terminal.resize(120, 40)
        terminal.wait_for(lambda screen: is_square(screen) and len(screen.covered) > before)
        terminal.resize(36, 24)
        terminal.wait_for(has_no_picture)


@pytest.mark.parametrize("kind", ["kitty", "xterm"])
def test_cover_is_removed_by_suspending_and_restored_by_resuming(env: Env, kind: str) -> None:
    shell = ["bash", "--norc", "--noprofile", "-i", "-c", f"set -m; {PROGRAM} top; fg; exit $?"]
    with PictureTerminal(shell, env, ANSWERS[kind]) as terminal:
        terminal.wait_for(is_square)
        opened = terminal.screen.events.count("opened")
        terminal.press(CTRL_Z)
        terminal.wait_for(
            lambda screen: screen.events.count("opened") > opened and is_square(screen)
        )
        terminal.press("q")

        assert terminal.wait() == 0
        assert has_no_picture(terminal.screen)
        left = terminal.screen.events.index("left")
        assert kind == "xterm" or terminal.screen.events[left - 1] == "forgotten"


def test_no_color_gets_half_blocks(env: Env) -> None:
    with top({**env, "NO_COLOR": "1"}, "kitty") as terminal:
        terminal.wait_for_text("▀▀▀▀▀▀▀▀")

        assert has_no_picture(terminal.screen)


def test_unknown_art_protocol_is_refused_with_the_known_ones(env: Env, tmp_path: Path) -> None:
    done = run("top", "--art", "jpeg", env=env)

    assert done.returncode == 2
    assert "'kitty'" in done.stderr
