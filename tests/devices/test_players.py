import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import Buses, BusLost
from deskwire.devices.players import PlayersDevice
from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import NotSupported, PlayerError, PlayerTimeout, UnknownPlayer
from deskwire.model.readings import PlayerId
from tests.support.buses import PrivateBus
from tests.support.devices import PlayerWatch, at, resources, titled
from tests.support.fake_player import ROOT, FakePlayer, PropertyValue, metadata
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async


@pytest.fixture
def artwork(tmp_path: Path) -> Artwork:
    return Artwork(tmp_path / "cache")


@pytest.fixture
def players(session_bus: PrivateBus, artwork: Artwork) -> PlayersDevice:
    return PlayersDevice(
        resources(buses=Buses(session=session_bus.address, system=None), artwork=artwork)
    )


# ---- what is told --------------------------------------------------------------------------------


async def test_track_of_a_real_player_is_complete(
    session_bus: PrivateBus, players: PlayersDevice, artwork: Artwork, media: Media
) -> None:
    with Mpv(session_bus, [media.first.file], paused=True):
        async with PlayerWatch(players) as watch:
            player = await watch.player(lambda player: player.art)

    assert (player.id, player.name, player.playing) == ("player1", "mpv", False)
    assert (player.title, player.artist, player.album) == ("The Reason", "Hoobastank", "Fallen")
    assert player.duration is not None
    assert int(player.duration) == 232
    assert player.position is not None
    assert player.position.at < 1
    assert player.position.rate == 0.0
    assert player.art == str(media.cover)
    stored = artwork.find(str(media.cover))
    assert stored is not None
    assert stored.content == media.cover_bytes


async def test_the_first_reading_is_whole(
    session_bus: PrivateBus, players: PlayersDevice, media: Media
) -> None:
    results = metadata(title="One", artUrl=media.cover.as_uri())
    fake = FakePlayer(session_bus, "one", Metadata=results, Position=5_000_000)
    async with fake, FakePlayer(session_bus, "two"), PlayerWatch(players) as watch:
        one, two = watch.readings[0]

    assert (one.name, one.title, one.art, at(one)) == ("one", "One", str(media.cover), 5.0)
    assert two.name == "two"


async def test_an_untagged_file_is_called_by_its_name(
    session_bus: PrivateBus, players: PlayersDevice, media: Media
) -> None:
    with Mpv(session_bus, [media.bare.file]):
        async with PlayerWatch(players) as watch:
            player = await watch.player()

    assert player.title == "untagged tune.mp3"
    assert (player.artist, player.album, player.art) == ("", None, None)


async def test_without_a_player_the_first_reading_is_empty_and_comes_at_once(
    players: PlayersDevice,
) -> None:
    begun = time.monotonic()
    async with PlayerWatch(players) as watch:
        assert watch.now == ()
        assert time.monotonic() - begun < patiently(0.2)


async def test_a_player_that_comes_and_goes_is_seen_to(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with PlayerWatch(players) as watch:
        async with FakePlayer(session_bus):
            await watch.player(titled("The Reason"))
        await watch.wait_for(lambda reading: reading == ())


async def test_a_change_is_yielded_at_once(session_bus: PrivateBus, players: PlayersDevice) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        took = []
        for playing in [False, True] * 10:
            begun = time.perf_counter()
            await fake.change(PlaybackStatus="Playing" if playing else "Paused")
            await watch.player(lambda player, playing=playing: player.playing is playing)  # type: ignore[misc]
            took.append(time.perf_counter() - begun)

    assert statistics.median(took) < patiently(0.005)


async def test_repeated_properties_yield_no_reading(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus, Rate=1.0) as fake, PlayerWatch(players) as watch:
        for _ in range(5):
            await fake.signal(fake.properties)
        await fake.change(PlaybackStatus="Paused")
        await watch.player(lambda player: not player.playing)

    assert len(watch.readings) == 2


# ---- ids -----------------------------------------------------------------------------------------


async def test_a_player_that_drops_its_name_for_a_moment_keeps_its_id(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        await fake.drop_name()
        await watch.player(lambda player: not player.playing)
        await fake.take_name()

        assert (await watch.player(lambda player: player.playing)).id == "player1"
        assert all(len(reading) == 1 for reading in watch.readings)


async def test_another_process_under_the_same_name_is_another_player(
    session_bus: PrivateBus, players: PlayersDevice, media: Media
) -> None:
    async with PlayerWatch(players) as watch:
        with Mpv(session_bus, [media.first.file]):
            await watch.player()
        with Mpv(session_bus, [media.first.file]) as second:
            player = await watch.player(lambda player: player.id != "player1")
            assert second.name == f"{ROOT}.mpv"

    assert player.id == "player2"


async def test_ids_outlive_a_watch(session_bus: PrivateBus, players: PlayersDevice) -> None:
    async with FakePlayer(session_bus, "one"):
        async with FakePlayer(session_bus, "two"), PlayerWatch(players):
            pass
        async with FakePlayer(session_bus, "three"), PlayerWatch(players) as watch:
            assert [player.id for player in watch.now] == ["player1", "player3"]


async def test_dead_bus_ends_the_watch_and_ids_continue(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus), PlayerWatch(players) as watch:
        session_bus.kill()
        assert isinstance(await watch.end(), BusLost)
    session_bus.restart()

    async with FakePlayer(session_bus), PlayerWatch(players) as watch:
        assert watch.now[0].id == "player2"


async def test_a_bus_that_dies_fifty_times_leaves_nothing_behind(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = await asyncio.to_thread(open_files)
    for _ in range(50):
        async with FakePlayer(session_bus), PlayerWatch(players) as watch:
            assert len(watch.now) == 1
            session_bus.kill()
            await watch.end()
        session_bus.restart()

    assert await asyncio.to_thread(open_files) <= before + 1
    async with FakePlayer(session_bus), PlayerWatch(players) as watch:
        assert watch.now[0].id == "player51"


async def test_players_that_come_and_go_in_hundreds_never_share_an_id(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    seen: dict[PlayerId, str] = {}
    async with PlayerWatch(players) as watch:
        for number in range(0, 500, 20):
            async with AsyncExitStack() as there:
                for each in range(number, number + 20):
                    fake = FakePlayer(session_bus, f"p{each}", Metadata=metadata(title=str(each)))
                    await there.enter_async_context(fake)
                await watch.wait_for(lambda reading: len(reading) == 20)
                for player in watch.now:
                    assert seen.setdefault(player.id, player.title) == player.title
            await watch.wait_for(lambda reading: reading == ())
        assert len(asyncio.all_tasks()) < 10

    assert len(seen) == 500
    assert len(players._ids._by_owner) == 0


# ---- commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "method"),
    [
        (PlayPause, "PlayPause"),
        (Next, "Next"),
        (Previous, "Previous"),
        (Stop, "Stop"),
    ],
)
async def test_command_changes_exactly_one_player(
    session_bus: PrivateBus, players: PlayersDevice, command: type[PlayerCommand], method: str
) -> None:
    async with (
        FakePlayer(session_bus, "one") as one,
        FakePlayer(session_bus, "two") as two,
        PlayerWatch(players),
    ):
        await players.perform(command(PlayerId("player2")))

    assert (one.calls, two.calls) == ([], [method])


async def test_a_real_player_pauses(
    session_bus: PrivateBus, players: PlayersDevice, media: Media
) -> None:
    with Mpv(session_bus, [media.first.file]) as mpv:
        async with PlayerWatch(players) as watch:
            await players.perform(PlayPause(PlayerId("player1")))
            await watch.player(lambda player: not player.playing)

        assert mpv.get("pause") is True


async def test_a_player_that_never_was_is_unknown(players: PlayersDevice) -> None:
    async with PlayerWatch(players):
        with pytest.raises(UnknownPlayer):
            await players.perform(Next(PlayerId("player1")))


async def test_a_player_that_left_is_unknown(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with PlayerWatch(players) as watch:
        async with FakePlayer(session_bus):
            await watch.player()
        with pytest.raises(UnknownPlayer):
            await players.perform(Next(PlayerId("player1")))


async def test_player_on_a_restarted_bus_gets_a_new_id(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus), PlayerWatch(players):
        pass
    session_bus.restart()
    async with FakePlayer(session_bus) as other:
        with pytest.raises(UnknownPlayer):
            await players.perform(Next(PlayerId("player1")))

        assert other.calls == []


async def test_command_works_without_a_watch(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake:
        async with PlayerWatch(players):
            pass
        await players.perform(Next(PlayerId("player1")))

        assert fake.calls == ["Next"]


async def test_player_that_exits_on_a_command_is_unknown(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players):
        fake.dies_on.add("Next")
        with pytest.raises(UnknownPlayer):
            await players.perform(Next(PlayerId("player1")))


@pytest.mark.parametrize(
    ("command", "results"),
    [
        (Next, {"CanGoNext": False}),
        (Previous, {"CanGoPrevious": False}),
        (PlayPause, {"CanPause": False}),
        (PlayPause, {"CanPlay": False, "PlaybackStatus": "Paused"}),
        (Stop, {"CanControl": False}),
        (Next, {"CanControl": False, "CanGoNext": True}),
    ],
)
async def test_unsupported_command_is_not_sent(
    session_bus: PrivateBus,
    players: PlayersDevice,
    command: type[PlayerCommand],
    results: dict[str, PropertyValue],
) -> None:
    async with FakePlayer(session_bus, **results) as fake, PlayerWatch(players):
        with pytest.raises(NotSupported):
            await players.perform(command(PlayerId("player1")))

        assert fake.calls == []


async def test_unsignalled_new_ability_is_used(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus, CanGoNext=False) as fake, PlayerWatch(players):
        fake["CanGoNext"] = True
        await players.perform(Next(PlayerId("player1")))

        assert fake.calls == ["Next"]


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        ("org.freedesktop.DBus.Error.Failed", PlayerError),
        ("org.example.Odd", PlayerError),
        ("org.freedesktop.DBus.Error.UnknownMethod", NotSupported),
        ("org.freedesktop.DBus.Error.NotSupported", NotSupported),
    ],
)
async def test_player_error_becomes_the_right_problem(
    session_bus: PrivateBus, players: PlayersDevice, error: str, problem: type[Exception]
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players):
        fake.errors["Next"] = error
        with pytest.raises(problem):
            await players.perform(Next(PlayerId("player1")))

        assert fake.calls == ["Next"]


async def test_error_name_of_a_player_is_logged_and_not_sent(
    session_bus: PrivateBus, players: PlayersDevice, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players):
        fake.errors["Next"] = "org.gtk.GDBus.UnmappedGError.Quark._g_2dio_2derror_2dquark.Code0"
        with pytest.raises(PlayerError) as caught:
            await players.perform(Next(PlayerId("player1")))

    assert caught.value.message == "player1 failed to skip to the next track"
    assert fake.errors["Next"] in caplog.text


async def test_a_player_that_does_not_answer_is_given_up_after_a_second(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players):
        fake.silent.add("Next")
        begun = time.monotonic()
        with pytest.raises(PlayerTimeout):
            await players.perform(Next(PlayerId("player1")))

        assert 0.9 < time.monotonic() - begun < patiently(1.2)
        assert fake.calls == ["Next"]


async def test_hung_player_gets_no_late_command(
    session_bus: PrivateBus, players: PlayersDevice, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskwire.devices.players.COMMAND_TIMEOUT", 0.1)
    with Mpv(session_bus, [media.first.file]) as mpv:
        async with PlayerWatch(players):
            mpv.send(SIGSTOP)
            with pytest.raises(PlayerTimeout):
                await players.perform(PlayPause(PlayerId("player1")))
            mpv.send(SIGCONT)

            begun = mpv.get("time-pos")
            await until_async(lambda: mpv.get("time-pos") > begun + 0.3)
        assert mpv.get("pause") is False
