"""Commands beyond those of the base protocol, on real mpv and on a scripted player."""

from pathlib import Path
from typing import Any

import pytest

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.mpris.commands import (
    Pause,
    Play,
    Raise,
    Seek,
    SetLoop,
    SetPlayerVolume,
    SetRate,
    SetShuffle,
)
from deskwire.devices.players import PlayersDevice
from deskwire.model.commands import PlayerCommand
from deskwire.model.problems import NotSupported, PlayerTimeout, TrackChanged
from deskwire.model.readings import PlayerId
from deskwire.model.units import Percent, Seconds
from tests.support.buses import PrivateBus
from tests.support.devices import PlayerWatch, at, resources
from tests.support.fake_player import FakePlayer, PropertyValue, metadata
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.waiting import until_async

ID = PlayerId("player1")
ALL: dict[str, PlayerCommand] = {
    "Play": Play(ID),
    "Pause": Pause(ID),
    "Raise": Raise(ID),
    "SetPosition /t/1 40000000": Seek(ID, position=Seconds(40.0)),
    "Set Shuffle True": SetShuffle(ID, on=True),
    "Set LoopStatus Track": SetLoop(ID, "track"),
    "Set Rate 1.5": SetRate(ID, 1.5),
    "Set Volume 0.25": SetPlayerVolume(ID, Percent(25)),
}
NEEDS = {
    "Play": "CanPlay",
    "Pause": "CanPause",
    "SetPosition /t/1 40000000": "CanSeek",
    "Set Shuffle True": "CanControl",
}


@pytest.fixture
def players(session_bus: PrivateBus, tmp_path: Path) -> PlayersDevice:
    return PlayersDevice(
        resources(
            buses=Buses(session=session_bus.address, system=None),
            artwork=Artwork(tmp_path / "cache"),
        )
    )


def able(bus: PrivateBus, **more: PropertyValue) -> FakePlayer:
    """Return a player that can do everything."""
    return FakePlayer(bus, **{"Metadata": metadata(title="One", trackid="/t/1"), **more})


@pytest.mark.parametrize("call", ALL)
async def test_command_becomes_one_call(
    session_bus: PrivateBus, players: PlayersDevice, call: str
) -> None:
    async with able(session_bus) as fake, PlayerWatch(players):
        await players.perform(ALL[call])

        assert fake.calls == [call]


@pytest.mark.parametrize("call", NEEDS)
async def test_command_that_the_player_cannot_do_is_not_sent(
    session_bus: PrivateBus, players: PlayersDevice, call: str
) -> None:
    more: dict[str, Any] = {NEEDS[call]: False}
    async with able(session_bus, **more) as fake, PlayerWatch(players):
        with pytest.raises(NotSupported):
            await players.perform(ALL[call])

        assert fake.calls == []


@pytest.mark.parametrize("call", ALL)
async def test_player_that_does_not_answer_is_a_timeout(
    session_bus: PrivateBus,
    players: PlayersDevice,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deskwire.devices.players.COMMAND_TIMEOUT", 0.1)
    async with able(session_bus) as fake, PlayerWatch(players):
        fake.silent.add("*")
        with pytest.raises(PlayerTimeout):
            await players.perform(ALL[call])


@pytest.mark.parametrize("call", [call for call in ALL if call.startswith("Set ")])
@pytest.mark.parametrize("error", ["UnknownProperty", "PropertyReadOnly", "NotSupported"])
async def test_mode_that_a_player_lacks_is_not_supported(
    session_bus: PrivateBus, players: PlayersDevice, call: str, error: str
) -> None:
    async with able(session_bus) as fake, PlayerWatch(players):
        fake.errors[call] = f"org.freedesktop.DBus.Error.{error}"
        with pytest.raises(NotSupported):
            await players.perform(ALL[call])


async def test_seek_in_a_track_that_changed_meanwhile_is_refused(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with able(session_bus) as fake, PlayerWatch(players) as watch:
        shown = watch.now[0].track
        fake["Metadata"] = metadata(title="Two", trackid="/t/2")
        with pytest.raises(TrackChanged):
            await players.perform(Seek(ID, position=Seconds(4.0), track=shown))

        assert fake.calls == []


async def test_modes_and_abilities_of_a_player_are_shown(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    more: dict[str, Any] = {"Shuffle": False, "LoopStatus": "Playlist", "Rate": 1.0, "Volume": 0.5}
    can: dict[str, Any] = {"CanSeek": True, "CanGoNext": True, "CanGoPrevious": False}
    async with able(session_bus, **more, **can) as fake, PlayerWatch(players) as watch:
        before = watch.now[0]
        await fake.change(Shuffle=True, LoopStatus="None", Volume=0.75, CanGoPrevious=True)
        after = await watch.player(lambda player: player.shuffle is True)

    assert (before.shuffle, before.loop, before.rate) == (False, "playlist", 1.0)
    assert before.volume == Percent(50)
    assert (before.can_seek, before.can_next, before.can_previous) == (True, True, False)
    assert (after.loop, after.can_previous) == ("none", True)
    assert after.volume == Percent(75)
    assert before.status == "playing"


async def test_player_that_cannot_be_controlled_can_do_nothing(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    more: dict[str, Any] = {"CanControl": False, "CanSeek": True, "CanGoNext": True}
    async with able(session_bus, **more), PlayerWatch(players) as watch:
        assert not watch.now[0].can_seek
        assert not watch.now[0].can_next


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [({"Shuffle": "yes"}, "shuffle"), ({"LoopStatus": "Twice"}, "loop"),
     ({"Volume": "loud"}, "volume"), ({"Volume": 1e300}, "volume"),
     ({"Rate": "fast"}, "rate")],
)  # fmt: skip
async def test_mode_of_a_wrong_kind_is_unknown(
    session_bus: PrivateBus, players: PlayersDevice, wrong: dict[str, Any], shown: str
) -> None:
    async with able(session_bus, **wrong), PlayerWatch(players) as watch:
        assert getattr(watch.now[0], shown) is None


async def test_real_player_seeks_pauses_and_changes_its_modes(
    session_bus: PrivateBus, players: PlayersDevice, media: Media
) -> None:
    files = [media.first.file]
    with Mpv(session_bus, files) as mpv:
        async with PlayerWatch(players) as watch:
            player = await watch.player(lambda player: player.can_seek)
            await players.perform(Seek(ID, position=Seconds(100.0), track=player.track))
            await until_async(lambda: abs(mpv.get("time-pos") - 100) < 1.5)
            await watch.player(lambda player: player.position and abs(at(player) - 100) < 2)
            await players.perform(Seek(ID, by=Seconds(-30.0)))
            await until_async(lambda: abs(mpv.get("time-pos") - 71) < 2)
            await players.perform(Pause(ID))
            await until_async(lambda: mpv.get("pause") is True)
            await players.perform(Play(ID))
            await until_async(lambda: mpv.get("pause") is False)
            await players.perform(SetPlayerVolume(ID, Percent(40)))
            await until_async(lambda: round(mpv.get("volume")) == 40)
            await players.perform(SetLoop(ID, "track"))
            await until_async(lambda: mpv.get("loop-file") not in {None, False, "no"})
            await players.perform(SetRate(ID, 2.0))
            await until_async(lambda: mpv.get("speed") == 2.0)
            player = await watch.player(lambda player: player.loop == "track")

    assert round(player.volume or 0) == 40
