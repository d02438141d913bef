import asyncio
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest
from dbus_fast import Message, Variant

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import Bus, Buses
from deskwire.devices.players import PlayersDevice
from deskwire.model.commands import PlayPause, Stop
from deskwire.model.readings import PlayerId
from tests.support.buses import PrivateBus
from tests.support.devices import PlayerWatch, at, resources, titled, titles
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


@pytest.mark.parametrize(
    "name",
    ["playerctld", "kdeconnect.mpris_000001", "GSConnect.phone", "Valent.Player1", "Valent_7"],
)
async def test_proxies_of_other_players_are_left_out(
    session_bus: PrivateBus, players: PlayersDevice, name: str
) -> None:
    async with (
        FakePlayer(session_bus, name, Metadata=metadata(title="Echo")),
        PlayerWatch(players) as watch,
        FakePlayer(session_bus, "real"),
    ):
        await watch.player(titled("The Reason"))

    assert {"Echo"}.isdisjoint(title for reading in watch.readings for title in titles(reading))


async def test_empty_player_is_left_out_until_a_track_plays(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    nothing = metadata(trackid=Variant("o", "/org/mpris/MediaPlayer2/TrackList/NoTrack"))
    fake = FakePlayer(session_bus, PlaybackStatus="Stopped", Metadata=nothing)
    async with fake, PlayerWatch(players) as watch:
        assert watch.now == ()
        await fake.change(PlaybackStatus="Playing", Metadata=metadata(title="Here"))
        await watch.player(titled("Here"))
        await fake.change(PlaybackStatus="Stopped")
        await watch.player(lambda player: not player.playing)
        await fake.change(Metadata=metadata())
        await watch.wait_for(lambda reading: reading == ())


GAPS: dict[str, tuple[tuple[float, dict[str, PropertyValue]], ...]] = {
    "Chromium": (
        (0.0, {"PlaybackStatus": "Stopped"}),
        (0.0, {"Metadata": metadata()}),
        (0.0, {"Metadata": metadata(length=0)}),
        (0.07, {"Metadata": metadata(trackid=Variant("o", "/a/2"), length=9_000_000, title="2")}),
        (0.0, {"PlaybackStatus": "Playing"}),
    ),
    "SMPlayer": (
        (0.0, {"PlaybackStatus": "Stopped"}),
        (0.425, {"Metadata": metadata()}),
        (0.245, {"PlaybackStatus": "Playing"}),
        (0.001, {"Metadata": metadata(title="2")}),
    ),
    "Pragha": (
        (0.0, {"PlaybackStatus": "Stopped", "Metadata": metadata()}),
        (0.05, {"PlaybackStatus": "Playing", "Metadata": metadata(title="2")}),
    ),
    "VLC": (
        (0.0, {"PlaybackStatus": "Stopped"}),
        (0.1, {"PlaybackStatus": "Playing", "Metadata": metadata(title="2")}),
    ),
    "no track but an id": (
        (0.0, {"PlaybackStatus": "Stopped"}),
        (0.0, {"Metadata": metadata(trackid="/org/mpris/MediaPlayer2/TrackList/NoTrack")}),
        (1.5, {"Metadata": metadata(title="2"), "PlaybackStatus": "Playing"}),
    ),
    "a player that cannot play meanwhile": (
        (0.0, {"PlaybackStatus": "Stopped", "Metadata": metadata(), "CanPlay": False}),
        (1.5, {"Metadata": metadata(title="2"), "PlaybackStatus": "Playing", "CanPlay": True}),
    ),
}


@pytest.mark.parametrize("gap", GAPS)
async def test_player_stays_paused_in_the_gap_between_two_tracks(
    session_bus: PrivateBus, players: PlayersDevice, gap: str
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        for pause, changes in GAPS[gap]:
            await asyncio.sleep(pause)
            await fake.change(**changes)
        await watch.player(lambda player: player.playing and player.title == "2")

    assert all(len(reading) == 1 for reading in watch.readings)
    assert {player.id for reading in watch.readings for player in reading} == {"player1"}
    assert {title for reading in watch.readings for title in titles(reading)} == {"The Reason", "2"}
    assert not all(player.playing for reading in watch.readings for player in reading)


async def test_untitled_track_is_not_a_gap(session_bus: PrivateBus, players: PlayersDevice) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        await fake.change(Metadata=metadata(trackid="/a/2", length=9_000_000))

        assert (await watch.player(titled(""))).playing


async def test_player_that_plays_without_naming_a_track_shows_none_after_two_seconds(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        await fake.change(Metadata=metadata())
        begun = time.monotonic()

        assert (await watch.player(titled(""))).playing
        assert time.monotonic() - begun > 1.5


STOPPED: dict[str, PropertyValue] = {"PlaybackStatus": "Stopped", "Metadata": metadata()}


async def test_stopped_player_that_can_play_stays(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    """Audacious, Strawberry, Clementine, Rhythmbox and Pragha after `Stop`."""
    async with FakePlayer(session_bus, CanPlay=True) as fake, PlayerWatch(players) as watch:
        fake.before_reply["Stop"] = lambda: asyncio.ensure_future(fake.change(**STOPPED))
        await players.perform(Stop(PlayerId("player1")))
        await watch.player(lambda player: not player.playing)
        await asyncio.sleep(2.5)
        assert titles(watch.now) == ["The Reason"]

        await players.perform(PlayPause(PlayerId("player1")))
        assert fake.calls == ["Stop", "PlayPause"]

    await asyncio.sleep(0)
    assert all(len(reading) == 1 for reading in watch.readings)


@pytest.mark.parametrize(
    "cannot", [{"CanPlay": False}, {"CanControl": False, "CanPlay": True}], ids=str
)
async def test_stopped_player_that_cannot_play_leaves_after_two_seconds(
    session_bus: PrivateBus, players: PlayersDevice, cannot: dict[str, PropertyValue]
) -> None:
    async with FakePlayer(session_bus, **cannot) as fake, PlayerWatch(players) as watch:
        await fake.change(**STOPPED)
        begun = time.monotonic()
        await watch.wait_for(lambda reading: reading == ())
        assert time.monotonic() - begun > 1.5

        await fake.change(PlaybackStatus="Playing", Metadata=metadata(title="Back"))
        assert (await watch.player(titled("Back"))).id == "player1"


async def test_stopped_player_leaves_when_its_can_play_turns_false(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus, CanPlay=True) as fake, PlayerWatch(players) as watch:
        await fake.change(**STOPPED)
        await asyncio.sleep(2.2)
        assert len(watch.now) == 1
        await fake.change(CanPlay=False)
        await watch.wait_for(lambda reading: reading == ())


async def test_player_that_never_named_a_track_stays_hidden(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    fake = FakePlayer(session_bus, CanPlay=True, **STOPPED)
    async with fake, FakePlayer(session_bus, "real") as real, PlayerWatch(players) as watch:
        await fake.change(CanPlay=True, PlaybackStatus="Stopped")
        await real.change(PlaybackStatus="Paused")
        await watch.player(lambda player: player.name == "real" and not player.playing)

    assert all(len(reading) == 1 for reading in watch.readings)


async def test_stopped_player_leaves_at_once_when_its_connection_ends(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with PlayerWatch(players) as watch:
        async with FakePlayer(session_bus, CanPlay=True) as fake:
            await watch.player()
            await fake.change(**STOPPED)
            await watch.player(lambda player: not player.playing)
            begun = time.monotonic()
        await watch.wait_for(lambda reading: reading == ())
        assert time.monotonic() - begun < patiently(0.3)


async def test_player_without_a_name_stays_paused(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    """Firefox releases its name for 1.3 s at each new page."""
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        for title in ("2", "3"):
            await fake.drop_name()
            assert not (await watch.player(lambda player: not player.playing)).playing
            await asyncio.sleep(1.3)
            fake["Metadata"] = metadata(title=title)
            await fake.take_name()
            await watch.player(lambda player, title=title: player.playing and player.title == title)  # type: ignore[misc]

        await asyncio.sleep(1.0)
    assert {player.id for reading in watch.readings for player in reading} == {"player1"}
    assert all(len(reading) == 1 for reading in watch.readings[:-1])


async def test_player_that_takes_no_name_again_leaves_after_two_seconds(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        await fake.drop_name()
        begun = time.monotonic()
        await watch.wait_for(lambda reading: reading == ())
        assert time.monotonic() - begun > 1.5

        await fake.take_name()
        assert (await watch.player()).id == "player2"


@pytest.mark.parametrize("released_before", [False, True])
async def test_player_leaves_at_once_when_its_connection_ends(
    session_bus: PrivateBus, players: PlayersDevice, released_before: bool
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        if released_before:
            await fake.drop_name()
            await watch.player(lambda player: not player.playing)
        begun = time.monotonic()
        await fake.leave()
        await watch.wait_for(lambda reading: reading == ())
        assert time.monotonic() - begun < patiently(0.3)


async def test_another_connection_of_a_process_takes_over_name_and_id_without_a_gap(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with (
        FakePlayer(session_bus, "firefox") as old,
        FakePlayer(session_bus, "other") as new,
        PlayerWatch(players) as watch,
    ):
        await new.drop_name()
        await watch.wait_for(lambda reading: len(reading) == 1)
        new["Metadata"] = metadata(title="2")
        await old.drop_name()
        await watch.player(lambda player: not player.playing)
        await new.take_name(old.name)
        player = await watch.player(titled("2"))

    assert player.id == "player1"


async def test_another_process_that_takes_the_name_ends_the_wait(
    session_bus: PrivateBus, players: PlayersDevice, media: Media
) -> None:
    async with FakePlayer(session_bus, "mpv") as fake, PlayerWatch(players) as watch:
        await fake.drop_name()
        await watch.player(lambda player: not player.playing)
        with Mpv(session_bus, [media.first.file]):
            player = await watch.player(lambda player: player.playing, within=5.0)
            assert player.id == "player2"


async def test_two_names_on_one_connection_are_one_player(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus, "mpv") as fake:
        await fake.take_name(f"{ROOT}.mpv.instance1")
        async with PlayerWatch(players) as watch:
            assert titles(watch.now) == ["The Reason"]
            await fake.drop_name()
            await fake.change(Metadata=metadata(title="Still"))
            assert (await watch.player(titled("Still"))).id == "player1"


async def test_a_process_that_is_there_twice_under_one_identity_is_one_player(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with (
        FakePlayer(session_bus, "vlc.instance7", Identity="VLC"),
        PlayerWatch(players) as watch,
    ):
        async with FakePlayer(session_bus, "vlc", Identity="VLC") as first:
            await until_async(lambda: "Get Identity" in first.reads)
            await first.change(PlaybackStatus="Paused")
            assert len(watch.now) == 1
        assert (await watch.player()).id == "player1"

    assert {player.id for reading in watch.readings for player in reading} == {"player1"}


async def test_the_id_stays_when_the_shown_one_of_two_leaves(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with AsyncExitStack() as shown:
        await shown.enter_async_context(FakePlayer(session_bus, "vlc", Identity="VLC"))
        second = FakePlayer(session_bus, "vlc.instance7", Identity="VLC", Position=7_000_000)
        async with second, PlayerWatch(players) as watch:
            assert (await watch.player()).id == "player1"
            await shown.aclose()
            left = await watch.player(lambda player: at(player) == 7.0)

    assert left.id == "player1"


async def test_one_process_with_two_identities_is_two_players(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with (
        FakePlayer(session_bus, "phone", Identity="Ann's phone"),
        FakePlayer(session_bus, "tablet", Identity="Ann's tablet"),
        PlayerWatch(players) as watch,
    ):
        assert [player.name for player in watch.now] == ["Ann's phone", "Ann's tablet"]


async def test_electron_program_with_a_player_of_its_own_is_one_player(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    track = {"title": "Same song", "artist": ["X"], "length": 200_000_000}
    same = {"Metadata": metadata(**track)}  # type: ignore[arg-type]
    async with (
        FakePlayer(
            session_bus, f"chromium.instance{os.getpid()}", Identity="Chromium", **same
        ) as engine,
        FakePlayer(session_bus, "music-app", Identity="Music App", **same) as own,
        PlayerWatch(players) as watch,
    ):
        assert [player.name for player in watch.now] == ["Music App"]
        for fake in (own, engine):
            await asyncio.sleep(0.2)
            await fake.change(Metadata=metadata(title="Next"))
        for fake in (engine, own):
            await asyncio.sleep(0.2)
            await fake.change(PlaybackStatus="Paused")
        await watch.player(lambda player: player.title == "Next" and not player.playing)
        await players.perform(PlayPause(PlayerId("player1")))
        assert (own.calls, engine.calls) == (["PlayPause"], [])
        assert all(len(reading) == 1 for reading in watch.readings)

        await engine.change(Metadata=metadata(title="A video"), PlaybackStatus="Playing")
        await watch.wait_for(lambda reading: len(reading) == 2)


async def test_the_browser_bridge_is_left_out_while_its_browser_is_shown(
    session_bus: PrivateBus, players: PlayersDevice, media: Media
) -> None:
    with Mpv(session_bus, [media.first.file]) as browser:
        repeats = metadata(title="Echo", kde__pid=Variant("u", browser.pid))
        bridge = FakePlayer(session_bus, "plasma-browser-integration", Metadata=repeats)
        async with bridge, PlayerWatch(players) as watch:
            await watch.player(titled("The Reason"))
            browser.kill()
            await watch.player(titled("Echo"))


@pytest.mark.usefixtures("_hurried")
async def test_hung_player_delays_no_other_and_appears_when_answering(
    session_bus: PrivateBus, players: PlayersDevice, media: Media
) -> None:
    with Mpv(session_bus, [media.first.file]) as hung:
        async with FakePlayer(session_bus, Metadata=metadata(title="Lively")):
            hung.send(SIGSTOP)
            begun = time.monotonic()
            async with PlayerWatch(players) as watch:
                assert time.monotonic() - begun < patiently(0.35)
                await watch.wait_for(lambda reading: titles(reading) == ["Lively"])
                hung.send(SIGCONT)
                await watch.wait_for(lambda reading: len(reading) == 2)

    assert titles(watch.now) == ["Lively", "The Reason"]


async def test_an_id_stays_with_a_double_when_the_other_stops(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with (
        FakePlayer(session_bus, "vlc", Identity="VLC") as first,
        FakePlayer(session_bus, "vlc.instance7", Identity="VLC", Metadata=metadata(title="2")),
        PlayerWatch(players) as watch,
    ):
        assert titles(watch.now) == ["The Reason"]
        await first.change(PlaybackStatus="Stopped", Metadata=metadata())
        assert (await watch.player(titled("2"))).id == "player1"
        await first.change(PlaybackStatus="Playing", Metadata=metadata(title="Back"))
        assert (await watch.player(titled("Back"))).id == "player1"


async def test_older_connection_has_the_lower_id(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with (
        FakePlayer(session_bus, "z"),
        FakePlayer(session_bus, "a"),
        PlayerWatch(players) as watch,
    ):
        assert [(player.id, player.name) for player in watch.now] == [
            ("player1", "z"),
            ("player2", "a"),
        ]


async def test_player_that_leaves_during_the_listing_is_absent(
    session_bus: PrivateBus, players: PlayersDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    guid = Bus.guid
    leaving, coming = FakePlayer(session_bus, "leaving"), FakePlayer(session_bus, "coming")

    async def look_on(bus: Bus) -> str:
        await leaving.leave()
        await coming.__aenter__()
        while await bus.owner(leaving.name):
            pass
        return await guid(bus)

    monkeypatch.setattr(Bus, "guid", look_on)
    async with leaving:
        begun = time.monotonic()
        async with PlayerWatch(players) as watch:
            assert [player.name for player in watch.now] == ["coming"]
            assert time.monotonic() - begun < patiently(0.15)
        await coming.leave()


async def test_owner_changes_are_accepted_from_the_bus_only(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        registry = players._registry
        assert registry is not None
        unique = fake.connection.unique_name or ""
        forged = Message.new_signal(
            "/", "org.freedesktop.DBus", "NameOwnerChanged", "sss", [fake.name, unique, ""]
        )
        forged.sender = unique
        registry._receive(forged)
        await fake.change(PlaybackStatus="Paused")

        await watch.player(lambda player: not player.playing)
        assert len(watch.readings) == 2


@pytest.mark.parametrize("hung", [True, False])
async def test_players_that_leave_before_they_answer_leave_nothing_behind(
    session_bus: PrivateBus, players: PlayersDevice, hung: bool
) -> None:
    async with PlayerWatch(players):
        registry = players._registry
        assert registry is not None
        before = len(registry._tasks)
        for _ in range(20):
            fake = FakePlayer(session_bus)
            fake.silent.add("GetAll")
            async with fake:
                if hung:
                    await until_async(lambda fake=fake: fake.reads)  # type: ignore[misc]

        await until_async(lambda: not registry._players)
        await until_async(lambda: len(registry._tasks) == before)
