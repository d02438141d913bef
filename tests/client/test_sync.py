import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from deskwire.client import Art, NotConnected, Phase, Pinned, UnknownPlayer, WrongCredentials
from deskwire.client.sync import LoopThread, connect
from tests.support.scripted_desk import PASSWORD, ScriptedDeskThread

MPV = {"id": "player1", "name": "mpv", "playing": True, "artist": "A", "title": "One"}


@pytest.fixture
def there() -> Iterator[ScriptedDeskThread]:
    with ScriptedDeskThread() as there:
        yield there


def test_a_script_sees_the_desk(there: ScriptedDeskThread) -> None:
    there.desk.snapshot = {"uptime": 7, "audio": [MPV]}

    with connect(there.desk.address, "owner", PASSWORD) as desk:
        assert desk.snapshot.uptime is not None
        assert float(desk.snapshot.uptime.up) == 7
        assert desk.state.phase is Phase.LIVE


def test_a_plain_loop_gets_each_reading(there: ScriptedDeskThread) -> None:
    seen: list[float] = []
    with connect(there.desk.address, "owner", PASSWORD) as desk:
        for snapshot in desk:
            assert snapshot.uptime is not None
            seen.append(snapshot.uptime.up)
            if len(seen) == 4:
                break
            there.run(there.desk.socket.stats(uptime=len(seen) + 1))

    assert seen == [1, 2, 3, 4]


def test_a_loop_ends_with_the_desk(there: ScriptedDeskThread) -> None:
    with connect(there.desk.address, "owner", PASSWORD) as desk:
        snapshots = iter(desk)
        next(snapshots)
        there.run(there.desk.socket.close(1000))

        assert list(snapshots) == []


def test_commands_and_pictures(there: ScriptedDeskThread) -> None:
    art_url = "/v1/img/tmp/L3RtcC9jb3Zlci5qcGc="
    there.desk.snapshot["audio"] = [{**MPV, "art_url": art_url}]
    there.desk.performs_commands = True
    with connect(there.desk.address, "owner", PASSWORD) as desk:
        desk.next("player1")
        desk.previous("player1")
        desk.stop("player1")
        desk.play_pause("player1")
        assert desk.art("player1") == Art(art_url.encode(), "image/png")
        with pytest.raises(UnknownPlayer):
            desk.stop("player9")

    assert [event for event, _ in there.desk.socket.commands] == [
        "audio-next",
        "audio-previous",
        "audio-stop",
        "audio-play-pause",
        "audio-stop",
    ]


def test_nothing_is_left_behind(there: ScriptedDeskThread) -> None:
    before = set(threading.enumerate())
    with connect(there.desk.address, "owner", PASSWORD) as desk:
        pass
    with (
        pytest.raises(WrongCredentials),
        connect(there.desk.address, "owner", "guess"),
    ):
        pass

    assert set(threading.enumerate()) <= before
    with pytest.raises(NotConnected):
        _ = desk.snapshot


def test_a_desk_can_be_entered_again(there: ScriptedDeskThread) -> None:
    desk = connect(there.desk.address, "owner", PASSWORD)
    with desk:
        pass
    with desk:
        assert desk.snapshot.players == ()


def test_malformed_fingerprint_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="64"):
        connect("desk.local", "owner", PASSWORD, trust=Pinned("AB:CD"))


async def a_while() -> str:
    await asyncio.sleep(0.05)
    return "done"


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")  # of one cut off before it
def test_an_interrupt_at_whichever_line_leaves_everything_in_order() -> None:
    thread = LoopThread()
    line = 0
    interrupted = True
    try:
        while interrupted:
            line += 1
            interrupted = False
            try:
                interrupted_at(line, lambda: thread.do(a_while()))
            except KeyboardInterrupt:
                interrupted = True
            assert thread.do(a_while()) == "done"
    finally:
        thread.end()

    assert line > 5


def interrupted_at(number: int, call: Callable[[], object]) -> None:
    """Make the call, and raise KeyboardInterrupt at this line of all the Python that it runs."""
    left = number

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal left
        if frame.f_globals["__name__"] == "_weakrefset":  # called by the collector
            return None
        left -= event == "line"
        if not left:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
