"""Players that answer some questions, or none for a while."""

from pathlib import Path

import pytest
from dbus_fast import Message, Variant

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.mpris import property_reader
from deskwire.devices.players import PlayersDevice
from tests.support.buses import PROPERTIES, PrivateBus
from tests.support.devices import PlayerWatch, resources, titled
from tests.support.fake_player import FakePlayer, metadata
from tests.support.waiting import until_async

FAILED = "org.example.ServiceError"


@pytest.fixture
def players(session_bus: PrivateBus, tmp_path: Path) -> PlayersDevice:
    buses = Buses(session=session_bus.address, system=None)
    return PlayersDevice(resources(buses=buses, artwork=Artwork(tmp_path / "cache")))


class EmptyPlayer(FakePlayer):
    """Player that answers `GetAll` with no properties."""

    def handle(self, message: Message) -> Message | bool | None:
        if message.interface == PROPERTIES and message.member == "GetAll":
            return Message.new_method_return(message, "a{sv}", [{}])
        return super().handle(message)


async def test_failing_get_all_is_replaced_by_single_questions(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    fake = FakePlayer(session_bus, "music", Identity="Music", PlaybackStatus="Paused")
    fake.errors["GetAll"] = FAILED
    async with fake, PlayerWatch(players) as watch:
        player = await watch.player()
        assert (player.name, player.title, player.playing) == ("Music", "The Reason", False)

        await fake.change(Metadata=metadata(title="Next"), PlaybackStatus="Playing")
        assert (await watch.player(titled("Next"))).playing


async def test_unanswered_get_all_is_replaced_by_single_questions(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    fake = FakePlayer(session_bus)
    fake.silent.add("GetAll")
    async with fake, PlayerWatch(players) as watch:
        await watch.player(titled("The Reason"))


async def test_empty_get_all_is_replaced_by_single_questions(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with EmptyPlayer(session_bus), PlayerWatch(players) as watch:
        await watch.player(titled("The Reason"))


@pytest.mark.parametrize("failing", ["PlaybackStatus", "Rate", "Position", "CanControl"])
async def test_failing_property_is_left_out(
    session_bus: PrivateBus, players: PlayersDevice, failing: str
) -> None:
    fake = FakePlayer(session_bus)
    fake.errors |= {"GetAll": FAILED, f"Get {failing}": FAILED}
    async with fake, PlayerWatch(players) as watch:
        if failing == "PlaybackStatus":
            await until_async(lambda: "Get PlaybackStatus" in fake.reads)
            await fake.change(PlaybackStatus="Playing")
        await watch.player(lambda player: player.playing and player.title == "The Reason")


@pytest.mark.parametrize("way", ["errors", "silent"])
async def test_player_that_answers_nothing_is_known_by_its_signals(
    session_bus: PrivateBus, players: PlayersDevice, way: str
) -> None:
    fake = FakePlayer(session_bus, "quiet")
    if way == "errors":
        fake.errors["*"] = FAILED
    else:
        fake.silent.add("*")
    async with fake, PlayerWatch(players) as watch:
        await fake.change(Metadata=metadata(title="Signalled"), PlaybackStatus="Playing")
        player = await watch.player(titled("Signalled"), within=5.0)
        assert (player.name, player.playing) == ("quiet", True)

        await fake.change(PlaybackStatus="Paused")
        await watch.player(lambda player: not player.playing)


@pytest.mark.parametrize("signal", ["PlaybackStatus", "Volume", "Seeked"])
async def test_signal_ends_the_pause_before_the_next_question(
    session_bus: PrivateBus,
    players: PlayersDevice,
    monkeypatch: pytest.MonkeyPatch,
    signal: str,
) -> None:
    monkeypatch.setattr(property_reader, "FIRST_PAUSE", 300.0)
    monkeypatch.setattr(property_reader, "LONGEST_PAUSE", 300.0)
    fake = FakePlayer(session_bus)
    fake.errors["*"] = FAILED
    async with fake, PlayerWatch(players) as watch:
        await until_async(lambda: "Get Rate" in fake.reads)
        fake.errors.clear()
        match signal:
            case "PlaybackStatus":
                await fake.change(PlaybackStatus="Playing")
            case "Volume":
                await fake.signal({"Volume": Variant("d", 0.5)})
            case "Seeked":
                await fake.seeked(0)

        await watch.player(titled("The Reason"))


async def test_player_without_an_answer_is_named(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    fake = FakePlayer(session_bus, "vlc")
    fake.silent.add("*")
    async with fake, FakePlayer(session_bus, "mpv"), PlayerWatch(players) as watch:
        assert [player.name for player in watch.now] == ["mpv"]
        assert players.unanswered == ("vlc",)
