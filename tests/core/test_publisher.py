import asyncio
import json
from typing import Any

import pytest

from deskwire.core.publisher import Publisher
from deskwire.devices.ticker import Ticker
from deskwire.model.readings import Cpu, Memory, Player, PlayerId, Position, Volume, Wifi
from deskwire.model.units import Bytes, Percent, Seconds
from tests.support.virtual_time import WarpedLoop
from tests.support.waiting import until_async

pytestmark = pytest.mark.warped


class Screen:
    """A subscriber that keeps what it was given, and when."""

    def __init__(self) -> None:
        self.got: list[tuple[float, dict[str, Any]]] = []

    def __call__(self, frame: bytes) -> None:
        start = {126: 4, 127: 10}.get(frame[1], 2)
        stats = json.loads(json.loads(frame[start:])["args"][0])
        self.got.append((asyncio.get_running_loop().time(), stats))

    @property
    def stats(self) -> list[dict[str, Any]]:
        return [stats for _, stats in self.got]


def publisher(interval: float = 60.0, devices: tuple[str, ...] = ("cpu", "volume")) -> Publisher:
    return Publisher(interval=Seconds(interval), devices=devices, periodic=("cpu", "memory"))


def volume(level: float) -> Volume:
    return Volume(Percent(level))


def cpu(busy: float) -> Cpu:
    return Cpu(Percent(busy))


async def test_the_first_frame_is_whole() -> None:
    desk, screen = publisher(), Screen()
    desk.subscribe(screen)

    desk.take("cpu", cpu(1))
    before = list(screen.stats)
    desk.take("volume", volume(50))

    assert before == []
    assert screen.stats == [{"cpu_absolute": 1.0, "audio": [], "volume": 50}]
    desk.unsubscribe(screen)


async def test_a_device_that_says_nothing_is_waited_for_270_ms_and_no_longer() -> None:
    desk, screen = publisher(), Screen()
    started = asyncio.get_running_loop().time()
    desk.subscribe(screen)
    desk.take("cpu", cpu(1))

    await until_async(lambda: screen.got, within=2.0)

    assert screen.stats == [{"cpu_absolute": 1.0, "audio": []}]
    assert 0.25 < screen.got[0][0] - started < 0.3
    desk.unsubscribe(screen)


async def test_absent_hardware_has_spoken_too() -> None:
    desk, screen = publisher(), Screen()
    desk.subscribe(screen)

    desk.take("cpu", cpu(1))
    desk.take("volume", None)

    assert screen.stats == [{"cpu_absolute": 1.0, "audio": []}]
    desk.unsubscribe(screen)


async def streaming(desk: Publisher, screen: Screen) -> None:
    desk.subscribe(screen)
    desk.take("cpu", cpu(1))
    desk.take("volume", volume(50))
    screen.got.clear()


async def test_a_change_goes_out_at_once_and_a_burst_as_one_more_frame() -> None:
    desk, screen = publisher(), Screen()
    await streaming(desk, screen)

    desk.take("volume", volume(60))
    await asyncio.sleep(0)
    at_once = [stats["volume"] for stats in screen.stats]
    for level in range(61, 80):
        desk.take("volume", volume(level))
    await until_async(lambda: len(screen.got) >= 2)

    assert at_once == [60]
    assert [stats["volume"] for stats in screen.stats] == [60, 79]
    assert 0.049 <= screen.got[1][0] - screen.got[0][0] < 0.1
    desk.unsubscribe(screen)


async def test_what_is_the_same_is_no_change() -> None:
    desk, screen = publisher(), Screen()
    await streaming(desk, screen)

    desk.take("volume", volume(50))
    await asyncio.sleep(0.02)

    assert screen.got == []
    desk.unsubscribe(screen)


async def test_what_is_polled_waits_for_the_beat() -> None:
    desk, screen = publisher(interval=0.2), Screen()
    await streaming(desk, screen)

    desk.take("cpu", cpu(2))
    await asyncio.sleep(0)
    at_once = list(screen.got)
    await until_async(lambda: screen.got, within=2.0)

    assert at_once == []
    assert screen.stats[0]["cpu_absolute"] == 2.0
    assert screen.got[0][0] % 0.2 < 0.1
    desk.unsubscribe(screen)


@pytest.mark.parametrize("late", [0.0, 0.000005, 0.03], ids=["not", "a little", "much"])
async def test_what_is_read_at_an_instant_is_in_the_frame_of_that_instant(late: float) -> None:
    desk, screen, beat = publisher(interval=0.1), Screen(), Ticker(Seconds(0.1))
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WarpedLoop)
    read: list[float] = []

    async def poll() -> None:
        while True:
            await beat.next()
            read.append(loop.time() // 0.1 % 100)
            desk.take("cpu", cpu(read[-1]))

    def be_busy() -> None:
        loop.call_at((loop.time() // 0.1 + 2) * 0.1 - 0.001, be_busy)
        loop.stall(0.001 + late)

    await streaming(desk, screen)
    polling = asyncio.create_task(poll())
    loop.call_at((loop.time() // 0.1 + 2) * 0.1 - 0.001, be_busy)
    await until_async(lambda: len(screen.got) >= 5)

    assert [stats["cpu_absolute"] for stats in screen.stats] == read
    assert len(set(read)) == len(read)
    polling.cancel()
    desk.unsubscribe(screen)


async def test_a_frame_goes_out_each_interval_though_nothing_changes() -> None:
    desk, screen = publisher(interval=0.1), Screen()
    await streaming(desk, screen)

    await until_async(lambda: len(screen.got) >= 4)

    beats = {round(at / 0.1) for at, _ in screen.got}
    assert len(beats) == len(screen.got)
    desk.unsubscribe(screen)


async def test_who_comes_later_gets_the_newest_at_once() -> None:
    desk, first, second = publisher(), Screen(), Screen()
    desk.subscribe(first)
    gathering = desk.newest()
    desk.take("cpu", cpu(1))
    desk.take("volume", volume(50))
    desk.subscribe(second)

    newest = desk.newest()

    assert gathering is None
    assert newest is not None
    assert b'volume\\":50' in newest
    desk.unsubscribe(first)
    desk.unsubscribe(second)


async def test_the_devices_are_told_when_somebody_watches_and_when_nobody_does() -> None:
    desk, first, second = publisher(), Screen(), Screen()
    told: list[bool] = []
    desk.on_watched = told.append

    desk.subscribe(first)
    desk.subscribe(second)
    desk.unsubscribe(first)
    desk.unsubscribe(second)

    assert told == [True, False]


async def test_nobody_watching_means_no_timer_and_nothing_remembered() -> None:
    desk, screen = publisher(interval=0.05), Screen()
    await streaming(desk, screen)
    desk.unsubscribe(screen)

    desk.take("volume", volume(99))
    await asyncio.sleep(0.12)

    assert screen.got == []
    assert desk.snapshot.volume is None
    assert desk.newest() is None


async def test_who_is_expected_gets_the_first_frame_at_once() -> None:
    desk, screen = publisher(), Screen()
    told: list[bool] = []
    desk.on_watched = told.append
    desk.expect()
    desk.expect()
    desk.take("cpu", cpu(1))
    desk.take("volume", volume(50))
    desk.take("volume", volume(60))

    desk.subscribe(screen)

    assert screen.stats == [{"cpu_absolute": 1.0, "audio": [], "volume": 60}]
    assert told == [True]
    desk.unsubscribe(screen)
    assert told == [True, False]


async def test_who_is_expected_waits_for_what_is_not_gathered_yet() -> None:
    desk, screen = publisher(), Screen()
    desk.expect()
    desk.take("cpu", cpu(1))
    desk.subscribe(screen)
    before = list(screen.stats)

    desk.take("volume", volume(50))

    assert before == []
    assert screen.stats == [{"cpu_absolute": 1.0, "audio": [], "volume": 50}]
    desk.unsubscribe(screen)


async def test_devices_that_speak_as_soon_as_they_are_watched_are_heard() -> None:
    desk, screen = publisher(devices=("volume",)), Screen()
    desk.on_watched = lambda watched: desk.take("volume", volume(50)) if watched else None

    desk.expect()
    desk.subscribe(screen)
    expected = list(screen.stats)
    desk.unsubscribe(screen)
    desk.subscribe(screen)

    assert expected == [{"audio": [], "volume": 50}]
    assert screen.stats == expected * 2
    desk.unsubscribe(screen)


async def test_a_desk_without_devices_says_so() -> None:
    desk, screen = publisher(devices=()), Screen()

    desk.subscribe(screen)
    await until_async(lambda: screen.got, within=2.0)

    assert screen.stats == [{"audio": []}]
    desk.unsubscribe(screen)


async def test_the_devices_rest_again_if_nobody_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deskwire.core.publisher.EXPECTED", 0.02)
    desk = publisher()
    told: list[bool] = []
    desk.on_watched = told.append

    desk.expect()
    desk.take("volume", volume(50))
    await until_async(lambda: told == [True, False])

    assert desk.snapshot.volume is None


async def test_who_came_as_expected_is_not_forgotten_when_the_expectation_would_be_over() -> None:
    desk, screen = publisher(), Screen()
    told: list[bool] = []
    desk.on_watched = told.append
    desk.expect()
    await streaming(desk, screen)

    await asyncio.sleep(10)

    assert told == [True]
    assert desk.snapshot.volume == volume(50)
    desk.unsubscribe(screen)


async def test_each_who_is_expected_is_waited_for_as_long() -> None:
    desk = publisher()
    told: list[bool] = []
    desk.on_watched = told.append

    desk.expect()
    await asyncio.sleep(2)
    desk.expect()
    await asyncio.sleep(2)
    waiting = list(told)
    await asyncio.sleep(2)

    assert waiting == [True]
    assert told == [True, False]


async def test_who_comes_between_two_frames_is_told_how_far_a_player_is_now() -> None:
    desk, first, second = publisher(devices=("players",)), Screen(), Screen()
    began = Seconds(asyncio.get_running_loop().time())
    moving = Position(at=Seconds(10), read=began, rate=1.0)
    mpv = Player(id=PlayerId("player1"), name="mpv", playing=True, title="One", position=moving)
    desk.subscribe(first)
    desk.take("players", (mpv,))
    await asyncio.sleep(5)

    newest = desk.newest()

    assert newest is not None
    second(newest)
    told = [screen.stats[0]["audio"][0]["timestamp"] for screen in (first, second)]
    assert told == [10, 15]
    desk.unsubscribe(first)


async def test_one_frame_is_the_same_bytes_for_everyone() -> None:
    desk = publisher()
    frames: list[bytes] = []
    one = frames.append

    def other(frame: bytes) -> None:
        frames.append(frame)

    desk.subscribe(one)
    desk.subscribe(other)
    desk.take("cpu", cpu(1))
    desk.take("volume", volume(50))

    assert frames[0] is frames[1]
    desk.unsubscribe(one)
    desk.unsubscribe(other)


def test_devices_are_snapshot_fields() -> None:
    from deskwire.core.store import Store  # noqa: PLC0415 - its only use

    state = Store()

    assert state.take("memory", Memory(Bytes(1)))
    assert state.take("wifi", Wifi("", connected=False))
    assert not state.take("wifi", Wifi("", connected=False))
    assert state.revision == 2


async def test_who_leaves_at_a_frame_leaves_no_beat_behind() -> None:
    desk, frames = publisher(interval=0.05, devices=("cpu",)), 0

    def once(_: bytes) -> None:
        nonlocal frames
        frames += 1
        desk.unsubscribe(once)

    desk.subscribe(once)
    desk.take("cpu", cpu(1))
    await asyncio.sleep(0.15)

    assert frames == 1
    assert desk._beat is None


async def test_a_subscriber_that_fails_at_a_frame_does_not_stop_the_beat() -> None:
    desk, screen = publisher(interval=0.05, devices=("cpu",)), Screen()
    loop, failures = asyncio.get_running_loop(), 0

    def fails(_: bytes) -> None:
        nonlocal failures
        failures += 1
        raise ZeroDivisionError

    loop.set_exception_handler(lambda *_: None)
    desk.subscribe(screen)
    desk.subscribe(fails)
    await until_async(lambda: len(screen.got) >= 3, within=2)

    assert failures >= 2
    desk.unsubscribe(screen)
    desk.unsubscribe(fails)
