"""The screen itself, driven by keys, over a scripted desk."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from textual.pilot import Pilot

from deskwire.cli.top.app import Journal, Top
from deskwire.cli.top.canvas import Canvas
from deskwire.cli.top.spans import text_of
from deskwire.client.pace import Pace
from deskwire.client.sync import Desk, connect
from deskwire.model.units import Seconds
from tests.parts.desk_in_a_thread import DeskInAThread
from tests.parts.scripted_desk import PASSWORD, ScriptedSocket
from tests.parts.waiting import until_async

PLAYERS = [
    {"id": "player1", "name": "mpv", "playing": False, "artist": "A", "title": "One"},
    {"id": "player2", "name": "vlc", "playing": True, "artist": "B", "title": "Two"},
]


class There:
    """A scripted desk, and somebody connected to it."""

    def __init__(self, scripted: DeskInAThread, desk: Desk, journal: Journal) -> None:
        self.scripted = scripted
        self.desk = desk
        self.journal = journal

    def top(self) -> Top:
        """Make the screen."""
        return Top(self.desk, self.desk.address, self.journal, Canvas())

    @property
    def socket(self) -> ScriptedSocket:
        """The newest."""
        return self.scripted.desk.sockets[-1]


@pytest.fixture
def there() -> Iterator[There]:
    journal = Journal()
    with DeskInAThread() as scripted:
        scripted.desk.reading["audio"] = PLAYERS
        with connect(
            *(scripted.desk.address, "owner", PASSWORD),
            on_state=journal,
            pace=Pace(seen=Seconds(0.3), first=Seconds(0.3), restart=Seconds(0.3)),
        ) as desk:
            yield There(scripted, desk, journal)


def screen(app: Top) -> str:
    """Return what is shown."""
    return "\n".join(text_of(line).rstrip() for line in app.shown)


async def see(pilot: "Pilot[int]", words: str) -> str:
    """Wait until this is shown."""
    app = pilot.app
    assert isinstance(app, Top)
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
        if code == 1006:
            there.socket.drop()
        else:
            there.scripted.do(there.socket.close(code))
        await see(pilot, said)
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
        f" deskwire.cli.{command}, deskwire.cli.lines;"
        "print([name for name in ('textual', 'rich', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
