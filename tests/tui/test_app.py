"""The screen itself, driven by keys, over a scripted desk."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from textual.pilot import Pilot

from deskwire.client.sync import Desk, connect
from deskwire.client.timeouts import Pace
from deskwire.model.problems import WrongCredentials
from deskwire.model.units import Seconds
from deskwire.tui.app import TopApp
from deskwire.tui.graphics import TerminalGraphics
from deskwire.tui.reauthentication import Reauthentication
from deskwire.tui.spans import text_of
from deskwire.tui.state_queue import StateQueue
from tests.support.desk_in_a_thread import DeskInAThread
from tests.support.scripted_desk import PASSWORD, ScriptedSocket
from tests.support.waiting import until_async

PLAYERS = [
    {"id": "player1", "name": "mpv", "playing": False, "artist": "A", "title": "One"},
    {"id": "player2", "name": "vlc", "playing": True, "artist": "B", "title": "Two"},
]

PACE = Pace(seen=Seconds(0.3), first=Seconds(0.1), restart=Seconds(0.1))


class There:
    """A scripted desk, and somebody connected to it."""

    def __init__(self, scripted: DeskInAThread) -> None:
        self.scripted = scripted
        self.journal = StateQueue()
        self.connected = ExitStack()
        self.desk = self.enter(PASSWORD)

    def top(self) -> TopApp:
        """Make the screen."""
        return TopApp(
            self.desk, self.journal, TerminalGraphics(), Reauthentication("owner", self.enter)
        )

    def enter(self, password: str) -> Desk:
        """Leave the desk, and enter it anew."""
        self.connected.close()
        address = self.scripted.desk.address
        desk = connect(address, "owner", password, on_state=self.journal, pace=PACE)
        return self.connected.enter_context(desk)

    @property
    def socket(self) -> ScriptedSocket:
        """The newest."""
        return self.scripted.desk.sockets[-1]


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[There]:
    monkeypatch.setattr("deskwire.tui.app.LOOKS_EVERY", 0.05)
    with DeskInAThread() as scripted:
        scripted.desk.reading["audio"] = PLAYERS
        there = There(scripted)
        with there.connected:
            yield there


def screen(app: TopApp) -> str:
    """Return what is shown."""
    return "\n".join(text_of(line).rstrip() for line in app.shown)


async def see(pilot: "Pilot[int]", words: str) -> str:
    """Wait until this is shown."""
    app = pilot.app
    assert isinstance(app, TopApp)
    await until_async(lambda: words in screen(app), within=15, what=f"{words!r} on\n{screen(app)}")
    return screen(app)


async def test_it_begins_with_the_player_that_plays(there: There) -> None:
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
async def test_a_key_moves_the_selected_player(there: There, key: str, event: str) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "▌ ▶ vlc")
        await pilot.press("up", key)
        await until_async(lambda: bool(there.socket.commands), what="a command")

    assert there.socket.commands == [(event, ["player1"])]


async def test_the_selected_player_stays_selected_where_others_come_and_go(there: There) -> None:
    third = {"id": "player3", "name": "new", "playing": True, "artist": "", "title": "Three"}
    async with there.top().run_test() as pilot:
        await see(pilot, "▌ ▶ vlc")
        there.scripted.do(there.socket.stats(audio=[third, *PLAYERS]))
        await see(pilot, "  ▶ new  Three")
        still = await see(pilot, "▌ ▶ vlc")
        there.scripted.do(there.socket.stats(audio=[third]))
        gone = await see(pilot, "▌ ▶ new")

    assert "Two" in still
    assert "vlc" not in gone


async def test_a_refusal_is_said(there: There) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "▌ ▶ vlc")
        await pilot.press("n")
        await until_async(lambda: bool(there.socket.commands), what="a command")
        there.scripted.do(there.socket.refuse("not_supported", "vlc cannot \x1b[2Jskip"))

        await see(pilot, "vlc: vlc cannot �[2Jskip")


async def lose(there: There, code: int) -> None:
    """End the connection; where the screen says why while it is away, it is so until told."""
    if code in {1001, 1006}:
        there.scripted.desk.opens.clear()
    if code == 1006:
        there.socket.drop()
    else:
        await there.socket.close(code)


async def open_again(there: There) -> None:
    there.scripted.desk.opens.set()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (4001, "logged in again"),
        (4004, "connected again, with a new token"),
        (1006, "connection lost (1006)"),
        (1001, "the desk goes away (1001)"),
        (1000, "over: the desk ended the connection"),
    ],
)
async def test_what_a_close_code_leads_to_is_said(there: There, code: int, said: str) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "● live")
        there.scripted.do(lose(there, code))
        await see(pilot, said)
        there.scripted.do(open_again(there))
        if code != 1000:
            await see(pilot, "● live")
        if code in {1001, 1006}:
            await see(pilot, "connected again")


async def test_a_session_is_renewed_before_it_ends(there: There) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "● live")
        there.scripted.do(there.socket.expire())
        await see(pilot, "session renewed, without a gap")

    assert len(there.scripted.desk.sockets) == 2


async def refuse(there: There) -> None:
    """Let somebody change the password."""
    there.scripted.desk.password = "n quiz"
    there.scripted.do(there.socket.close(4001))


async def test_a_changed_password_is_asked_for_on_the_screen(there: There) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "● live")
        await refuse(there)
        asked = await see(pilot, "Password for owner: ▏")
        await pilot.press("n", "x", "backspace", "space", *"quiz")
        typed = await see(pilot, f"Password for owner: {'•' * 6}▏")
        await pilot.press("enter")
        live = await see(pilot, "● live")

    assert "over: wrong_credentials" in asked
    assert "enter log in   esc give up   ctrl-c quit" in asked
    assert "quiz" not in typed
    assert "Password" not in live
    assert "space play/pause" in live
    assert there.scripted.desk.count("/v1/login") == 3
    assert not [socket.commands for socket in there.scripted.desk.sockets if socket.commands]


def has_tried(there: There, times: int) -> bool:
    return there.scripted.desk.count("/v1/login") == times


async def test_a_wrong_answer_is_asked_again_three_times_in_all(there: There) -> None:
    app = there.top()
    async with app.run_test() as pilot:
        await see(pilot, "● live")
        await refuse(there)
        for tried in range(3):
            await see(pilot, "Password for owner: ▏")
            await pilot.press("q", "enter")
            await until_async(partial(has_tried, there, tried + 3))
        over = await see(pilot, "q quit")
        await pilot.press("q")

    assert "over: wrong_credentials" in over
    assert isinstance(app.state.problem, WrongCredentials)
    assert app.return_code == 0


async def test_who_gives_up_is_not_asked_again(there: There) -> None:
    async with there.top().run_test() as pilot:
        await see(pilot, "● live")
        await refuse(there)
        await see(pilot, "Password for owner: ▏")
        await pilot.press("escape")
        await see(pilot, "q quit")
        await pilot.press("space")

    assert there.scripted.desk.count("/v1/login") == 2


async def test_q_ends_it(there: There) -> None:
    app = there.top()
    async with app.run_test() as pilot:
        await see(pilot, "● live")
        await pilot.press("q")

    assert app.return_code == 0


@pytest.mark.parametrize("command", ["serve", "watch"])
def test_other_commands_do_not_load_the_screen(command: str) -> None:
    words = (
        "import sys, deskwire.cli.main, deskwire.daemon.wiring, deskwire.client.sync,"
        f" deskwire.cli.commands.{command};"
        "print([name for name in ('textual', 'rich', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
