import time
from contextlib import AsyncExitStack
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest
from dbus_fast import Message, Variant

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import Bus, Buses
from deskwire.devices.players import PlayersDevice
from tests.support.buses import PrivateBus
from tests.support.devices import PlayerWatch, at, resources, titled, titles
from tests.support.fake_player import ROOT, FakePlayer, metadata
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


@pytest.mark.parametrize("name", ["playerctld", "kdeconnect.mpris_000001", "GSConnect.phone"])
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
