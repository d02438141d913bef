"""The application, driven by keys, with a scripted desk."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget

from deskwire.client.sync import Desk, connect
from deskwire.client.timeouts import Timeouts
from deskwire.model.problems import WrongCredentials
from deskwire.model.units import Seconds
from deskwire.tui.app import StateQueue, TopApp
from deskwire.tui.graphics import TerminalGraphics
from deskwire.tui.reauthentication import Reauthentication
from deskwire.tui.screen_widget import ScreenWidget
from deskwire.tui.spans import text_of
from tests.support.scripted_desk import PASSWORD, ScriptedDeskThread, ScriptedSocket
from tests.support.waiting import until_async

PLAYERS = [
    {"id": "player1", "name": "mpv", "playing": False, "artist": "A", "title": "One"},
    {"id": "player2", "name": "vlc", "playing": True, "artist": "B", "title": "Two"},
]

PACE = Timeouts(effect=Seconds(0.3), first=Seconds(0.1), restart=Seconds(0.1))


class There:
    """A scripted desk and a connection to it."""

    def __init__(self, scripted: ScriptedDeskThread) -> None:
        self.scripted = scripted
        self.states = StateQueue()
        self.connected = ExitStack()
        self.desk = self.reconnect(PASSWORD)

    def top(self) -> TopApp:
        """Return the application."""
        return TopApp(
            self.desk, self.states, TerminalGraphics(), Reauthentication("owner", self.reconnect)
        )

    def reconnect(self, password: str) -> Desk:
        """Disconnect, and connect with this password."""
        self.connected.close()
        address = self.scripted.desk.address
        desk = connect(address, "owner", password, on_state=self.states.append, timeouts=PACE)
        return self.connected.enter_context(desk)

    @property
    def socket(self) -> ScriptedSocket:
        """Newest socket."""
        return self.scripted.desk.sockets[-1]


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[There]:
    monkeypatch.setattr("deskwire.tui.app.UPDATE_INTERVAL", 0.05)
    with ScriptedDeskThread() as scripted:
        scripted.desk.snapshot["audio"] = PLAYERS
        there = There(scripted)
        with there.connected:
            yield there


def screen(app: TopApp) -> str:
    """Return the text of the display."""
    return "\n".join(text_of(line).rstrip() for line in app.widget.lines)


async def see(pilot: "Pilot[int]", text: str) -> str:
    """Wait until the display shows this text."""
    app = pilot.app
    assert isinstance(app, TopApp)
    await until_async(lambda: text in screen(app), within=15, what=f"{text!r} on\n{screen(app)}")
    return screen(app)


async def test_playing_player_is_selected_at_the_start(there: There) -> None:
    async with there.top().run_test() as pilot:
        shown = await see(pilot, "▌ ▶ vlc")

    assert "live" in shown
    assert "  ‖ mpv  One — A" in shown


@pytest.mark.parametrize(
    ("key", "event"),
    [
        ("space", "audio-play-pause"),
        ("n", "audio-next"),
        ("p", "audio-previous"),
        ("s", "audio-stop"),
    ],
)
async def test_key_controls_the_selected_player(there: There, key: str, event: str) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "▌ ▶ vlc")
        await pilot.press("up", key)
        await until_async(lambda: bool(there.socket.commands), what="a command")

    assert there.socket.commands == [(event, ["player1"])]


async def test_selected_player_stays_selected_while_others_come_and_go(there: There) -> None:
    third = {"id": "player3", "name": "new", "playing": True, "artist": "", "title": "Three"}
    async with there.top().run_test() as pilot:
        await see(pilot, "▌ ▶ vlc")
        there.scripted.run(there.socket.stats(audio=[third, *PLAYERS]))
        await see(pilot, "  ▶ new  Three")
        still = await see(pilot, "▌ ▶ vlc")
        there.scripted.run(there.socket.stats(audio=[third]))
        gone = await see(pilot, "▌ ▶ new")

    assert "Two" in still
    assert "vlc" not in gone


async def test_refused_command_is_a_notice(there: There) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "▌ ▶ vlc")
        await pilot.press("n")
        await until_async(lambda: bool(there.socket.commands), what="a command")
        there.scripted.run(there.socket.error("not_supported", "vlc cannot \x1b[2Jskip"))

        await see(pilot, "vlc: vlc cannot �[2Jskip")


async def lose(there: There, code: int) -> None:
    """End the connection. If the display shows the reason meanwhile, keep the desk closed."""
    if code in {1001, 1006}:
        there.scripted.desk.accepts_sockets.clear()
    if code == 1006:
        there.socket.drop()
    else:
        await there.socket.close(code)


async def open_again(there: There) -> None:
    there.scripted.desk.accepts_sockets.set()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (4001, "logged in again"),
        (4004, "reconnected with a new token"),
        (1006, "connection lost (1006)"),
        (1001, "the desk is shutting down (1001)"),
        (1000, "ended: the desk ended the connection"),
    ],
)
async def test_close_code_and_its_effect_are_shown(there: There, code: int, text: str) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "● live")
        there.scripted.run(lose(there, code))
        await see(pilot, text)
        there.scripted.run(open_again(there))
        if code != 1000:
            await see(pilot, "● live")
        if code in {1001, 1006}:
            await see(pilot, "reconnected")


async def test_session_is_renewed_before_its_end(there: There) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "● live")
        there.scripted.run(there.socket.expire())
        await see(pilot, "session renewed without interruption")

    assert len(there.scripted.desk.sockets) == 2


async def refuse(there: There) -> None:
    """Change the password of the desk."""
    there.scripted.desk.password = "n quiz"
    there.scripted.run(there.socket.close(4001))


async def test_changed_password_opens_a_prompt(there: There) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "● live")
        await refuse(there)
        asked = await see(pilot, "Password for owner: ▏")
        await pilot.press("n", "x", "backspace", "space", *"quiz")
        typed = await see(pilot, f"Password for owner: {'•' * 6}▏")
        await pilot.press("enter")
        live = await see(pilot, "● live")

    assert "ended: wrong_credentials" in asked
    assert "enter log in   esc cancel   ctrl-c quit" in asked
    assert "quiz" not in typed
    assert "Password" not in live
    assert "space play/pause" in live
    assert there.scripted.desk.count("/v1/login") == 3
    assert not [socket.commands for socket in there.scripted.desk.sockets if socket.commands]


def has_logged_in(there: There, times: int) -> bool:
    return there.scripted.desk.count("/v1/login") == times


async def test_wrong_password_is_prompted_for_three_times(there: There) -> None:
    app = there.top()
    async with app.run_test() as pilot:
        await see(pilot, "● live")
        await refuse(there)
        for tried in range(3):
            await see(pilot, "Password for owner: ▏")
            await pilot.press("q", "enter")
            await until_async(partial(has_logged_in, there, tried + 3))
        ended = await see(pilot, "q quit")
        await pilot.press("q")

    assert "ended: wrong_credentials" in ended
    assert isinstance(app.state.problem, WrongCredentials)
    assert app.return_code == 0


async def test_cancelled_prompt_does_not_open_again(there: There) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "● live")
        await refuse(there)
        await see(pilot, "Password for owner: ▏")
        await pilot.press("escape")
        await see(pilot, "q quit")
        await pilot.press("space")

    assert there.scripted.desk.count("/v1/login") == 2


async def test_q_quits(there: There) -> None:
    app = there.top()
    async with app.run_test() as pilot:
        await see(pilot, "● live")
        await pilot.press("q")

    assert app.return_code == 0


@pytest.mark.parametrize("command", ["serve", "watch"])
def test_other_commands_do_not_load_textual(command: str) -> None:
    code = (
        "import sys, deskwire.cli.main, deskwire.daemon.wiring, deskwire.client.sync,"
        f" deskwire.cli.commands.{command};"
        "print([name for name in ('textual', 'rich', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize(("ours", "base"), [(TopApp, App), (ScreenWidget, Widget)])
def test_no_private_attribute_of_textual_is_used(ours: type, base: type) -> None:
    private = re.compile(r"\b(?:self\.|def )(_[a-z]\w*)")
    bases = [each for each in base.__mro__ if each is not object]
    theirs = {name for each in bases for name in private.findall(inspect.getsource(each))}

    assert theirs & set(private.findall(inspect.getsource(ours))) == set()
