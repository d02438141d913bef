import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from dbus_fast import Variant

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.players import PlayersDevice
from deskwire.model.commands import PlayPause
from deskwire.model.readings import Player, PlayerId
from deskwire.model.units import Seconds
from tests.support.buses import BUS, PROPERTIES, PrivateBus
from tests.support.devices import PlayerWatch, at, rate, resources, titled
from tests.support.fake_player import PATH, PLAYER, ROOT, FakePlayer, metadata
from tests.support.media import PNG
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

UNKNOWN_PROPERTY = "org.freedesktop.DBus.Error.UnknownProperty"


@pytest.fixture
def artwork(tmp_path: Path) -> Artwork:
    return Artwork(tmp_path / "cache")


@pytest.fixture
def players(session_bus: PrivateBus, artwork: Artwork) -> PlayersDevice:
    return PlayersDevice(
        resources(buses=Buses(session=session_bus.address, system=None), artwork=artwork)
    )


# ---- what it says --------------------------------------------------------------------------------


async def test_a_track_change_in_many_signals_ends_as_the_player_does(
    session_bus: PrivateBus, players: PlayersDevice, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(PNG + b"old")
    new.write_bytes(PNG + b"new")
    fields = {"title": "One", "artist": ["A"], "album": "X", "artUrl": old.as_uri()}
    later = {"title": "Two", "artist": ["B"], "album": "Y", "artUrl": new.as_uri()}
    fake = FakePlayer(session_bus, Metadata=metadata(**fields))  # type: ignore[arg-type]
    async with fake, PlayerWatch(players) as watch:
        for field, value in later.items():
            fields[field] = value
            await fake.change(Metadata=metadata(**fields))  # type: ignore[arg-type]
            if field == "album":
                old.unlink()
        player = await watch.player(lambda player: player.art == str(new))

    assert (player.title, player.artist, player.album) == ("Two", "B", "Y")


async def test_an_invalidated_property_is_asked_for(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        fake["Metadata"] = metadata(title="Told on asking")
        await fake.signal({}, gone=("Metadata",))

        await watch.player(titled("Told on asking"))


@pytest.mark.parametrize("asked", ["GetAll", "Get Identity"])
async def test_signal_during_a_read_is_not_lost(
    session_bus: PrivateBus, players: PlayersDevice, asked: str
) -> None:
    async with PlayerWatch(players) as watch:
        fake = FakePlayer(session_bus, PlaybackStatus="Stopped", Metadata=metadata())
        newer = {"Metadata": metadata(title="Newer"), "PlaybackStatus": Variant("s", "Playing")}
        fake.before_reply[asked] = lambda: fake.signal(newer)
        async with fake:
            await watch.player(titled("Newer"))


async def test_a_player_that_changes_its_identity_keeps_its_id(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        await fake.signal({"Identity": Variant("s", "Renamed")}, interface=ROOT)

        player = await watch.player(lambda player: player.name == "Renamed")
        assert player.id == "player1"


async def test_an_invalidated_identity_is_asked_for(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        fake["Identity"] = "Renamed"
        await fake.signal({}, gone=("Identity",), interface=ROOT)

        await watch.player(lambda player: player.name == "Renamed")


@pytest.mark.usefixtures("_hurried")
async def test_player_not_ready_yet_is_read_again(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake:
        fake.errors["*"] = "org.freedesktop.DBus.Error.UnknownObject"
        async with PlayerWatch(players) as watch:
            assert watch.now == ()
            fake.errors.clear()
            await watch.player(titled("The Reason"))


async def test_a_player_without_an_identity_is_called_by_its_bus_name(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus, "quodlibet.instance9") as fake:
        fake.errors["Get Identity"] = UNKNOWN_PROPERTY
        async with PlayerWatch(players) as watch:
            assert watch.now[0].name == "quodlibet"


# ---- what no player should say -------------------------------------------------------------------


@pytest.mark.parametrize(
    "results",
    [
        {"Metadata": Variant("s", "no map")},
        {"Metadata": metadata(title=Variant("i", 7), artist=Variant("a{ss}", {"a": "b"}))},
        {"Metadata": metadata(title="T", length=Variant("d", float("nan")))},
        {"Metadata": metadata(title="T", length=-(2**63))},
        {"Metadata": metadata(title="T", length=Variant("t", 2**64 - 1))},
        {
            "Metadata": metadata(
                title="T\x1b[31m\u202eevil\u2066", artist=Variant("as", ["", "\x07"])
            )
        },
        {"Metadata": metadata(url="file:///tmp/%ff%fe%ed%a0%80.mp3")},
        {"Metadata": metadata(title="T", artUrl=Variant("ai", [1, 2]))},
        {"Position": Variant("s", "soon")},
        {"Position": Variant("x", -(2**63))},
        {"Position": Variant("d", float("inf"))},
        {"Rate": Variant("d", float("nan"))},
        {"Rate": Variant("s", "fast")},
        {"PlaybackStatus": Variant("i", 1)},
        {"Identity": Variant("ai", [1])},
        {"CanControl": Variant("s", "no")},
    ],
)
async def test_any_metadata_gives_an_encodable_reading(
    session_bus: PrivateBus, players: PlayersDevice, results: dict[str, Variant]
) -> None:
    async with (
        FakePlayer(session_bus, "odd", **results) as odd,
        FakePlayer(session_bus, "sane", Metadata=metadata(title="Sane")) as sane,
        PlayerWatch(players) as watch,
    ):
        await odd.signal(results)
        await sane.change(PlaybackStatus="Paused")
        await watch.wait_for(lambda reading: any(not player.playing for player in reading))
        reading = watch.now

    written = msgspec.json.encode(reading).decode("utf-8")
    assert not any(character < " " for character in written)
    assert {"\u202e", "\u2066", "\x1b"}.isdisjoint(written)
    assert "null" not in msgspec.json.encode([p.title for p in reading]).decode()
    for player in reading:
        assert player.duration is None or player.duration > 0
        assert player.position is None or player.position.at >= 0


async def test_a_title_of_five_megabytes_is_cut_between_two_characters(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    endless = metadata(title="🎵" * 1_300_000)
    async with FakePlayer(session_bus, Metadata=endless), PlayerWatch(players) as watch:
        title = (await watch.player()).title

    assert set(title) == {"🎵"}
    assert len(title.encode()) == 1000


async def test_malformed_signals_are_passed_over(
    session_bus: PrivateBus, players: PlayersDevice, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        await fake.emit(PATH, PROPERTIES, "PropertiesChanged", "s", PLAYER)
        await fake.emit(PATH, PLAYER, "Seeked", "s", "somewhere")
        await fake.emit(PATH, BUS, "NameOwnerChanged", "sss", fake.name, "", ":1.0")
        await fake.change(Metadata=metadata(title="Well-formed"))

        await watch.player(titled("Well-formed"))
        assert watch.problem is None
    assert caplog.records == []


# ---- time ----------------------------------------------------------------------------------------


async def test_the_position_is_asked_for_after_a_seek_and_not_otherwise(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus, Position=5_000_000) as fake, PlayerWatch(players) as watch:
        first = watch.now[0].position
        assert first is not None
        assert (first.at, first.rate) == (5.0, 1.0)
        assert sorted(fake.reads) == ["Get Identity", "GetAll"]

        fake["Position"] = 60_000_000
        await fake.seeked(0)
        player = await watch.player(lambda player: at(player) > 50)

        assert player.position is not None
        assert player.position.at == 60.0
        assert fake.reads.count("Get Position") == 1


async def test_paused_player_keeps_its_position(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus, Position=5_000_000) as fake, PlayerWatch(players) as watch:
        fake.silent.add("Get Position")
        await asyncio.sleep(0.2)
        await fake.change(PlaybackStatus="Paused", Rate=0.0)
        player = await watch.player(lambda player: not player.playing)

    assert player.position is not None
    assert player.position.rate == 0.0
    assert 5.2 <= player.position.at < 5.5


async def test_the_rate_counts_while_playing_and_zero_does_not_stop_a_playing_one(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus, Rate=1.5) as fake, PlayerWatch(players) as watch:
        await fake.change(PlaybackStatus="Paused", Rate=0.0)
        await watch.player(lambda player: rate(player) == 0.0)
        await fake.change(PlaybackStatus="Playing")

        await watch.player(lambda player: rate(player) == 1.5)


@pytest.mark.parametrize("answers", [True, False])
async def test_a_new_track_begins_at_its_beginning(
    session_bus: PrivateBus, players: PlayersDevice, answers: bool
) -> None:
    async with FakePlayer(session_bus, Position=99_000_000) as fake, PlayerWatch(players) as watch:
        fake["Position"] = 0
        if not answers:
            fake.silent.add("Get Position")
        await fake.change(Metadata=metadata(title="Next"))
        player = await watch.player(titled("Next"))

    assert 0 <= at(player) < 0.1


async def test_position_that_changes_during_a_read_is_read_again(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus, Position=5_000_000) as fake, PlayerWatch(players) as watch:

        def jump() -> None:
            fake.before_reply.clear()
            fake["Position"] = 90_000_000
            fake.seeked(90_000_000)

        fake.before_reply["Get Position"] = lambda: asyncio.get_running_loop().call_soon(jump)
        fake["Position"] = 60_000_000
        await fake.seeked(60_000_000)

        await watch.player(lambda player: at(player) == 90.0)


async def test_a_repetition_may_mean_a_jump_and_is_asked_about(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        fake["Position"] = 60_000_000
        await fake.signal({"Metadata": fake.properties["Metadata"]})

        await watch.player(lambda player: at(player) == 60.0)


async def test_position_near_the_expected_one_is_not_reported(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    fake = FakePlayer(session_bus, Position=5_000_000, PlaybackStatus="Paused")
    async with fake, PlayerWatch(players) as watch:
        await fake.change(Position=5_050_000)
        await fake.seeked(5_050_000)
        await until_async(lambda: "Get Position" in fake.reads)
        await fake.change(Position=7_000_000)
        await watch.player(lambda player: at(player) == 7.0)

    assert len(watch.readings) == 2


async def test_a_player_that_tells_no_position_has_none(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake:
        del fake.properties["Position"]
        async with PlayerWatch(players) as watch:
            await fake.change(Metadata=metadata(title="Next"))
            player = await watch.player(titled("Next"))

    assert player.position is None


class Clock:
    """Position of a fake player that runs, with answers that may differ from it."""

    def __init__(self, fake: FakePlayer, position: float = 0.0, speed: float = 1.0) -> None:
        self.fake = fake
        self.speed = speed
        self.answer: Callable[[float], float] | None = None
        """Answer in place of the true position, for the time that it is set."""
        self.seek(position)
        fake.before_reply["Get Position"] = fake.before_reply["GetAll"] = self._set

    def seek(self, position: float) -> None:
        self._position, self._at = position, time.monotonic()

    def now(self) -> float:
        return self._position + self.speed * (time.monotonic() - self._at)

    def _set(self) -> None:
        position = self.now() if self.answer is None else self.answer(self.now())
        self.fake["Position"] = int(position * 1e6)

    def error(self, player: Player) -> float:
        """Return how far the shown position is from the true one."""
        assert player.position is not None
        now = Seconds(time.monotonic())
        return abs(player.position.reached(now, player.duration) - self.now())


async def test_position_after_a_seek_that_the_player_answers_late_is_right(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        clock = Clock(fake)
        clock.seek(40.0)
        clock.answer = lambda _: 0.0
        await fake.seeked(40_000_000)
        await asyncio.sleep(0.3)
        clock.answer = None
        await asyncio.sleep(0.7)

        assert clock.error(watch.now[0]) < 1.0


async def test_position_that_the_player_names_wrongly_after_a_seek_is_right(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        clock = Clock(fake)
        clock.seek(40.0)
        await fake.seeked(5_000_000)
        await asyncio.sleep(1.0)

        assert clock.error(watch.now[0]) < 1.0


async def test_seek_without_a_signal_is_found(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    fake = FakePlayer(session_bus, Metadata=metadata(title="Long", length=900_000_000))
    clock = Clock(fake)
    async with fake, PlayerWatch(players) as watch:
        await asyncio.sleep(0.5)
        clock.seek(100.0)
        await watch.player(lambda player: at(player) > 99.0, within=5.0)

        assert clock.error(watch.now[0]) < 1.0


async def test_repeated_track_is_shown_from_its_beginning(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    fake = FakePlayer(session_bus, Metadata=metadata(title="Loop", length=2_000_000))
    clock = Clock(fake)
    clock.answer = lambda position: position % 2
    async with fake, PlayerWatch(players) as watch:
        for _ in range(3):
            before = watch.now[0].position
            await watch.player(
                lambda player, before=before: player.position != before and at(player) < 1.0  # type: ignore[misc]
            )


async def test_duration_that_grows_without_a_signal_is_asked_for(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    fake = FakePlayer(session_bus, Metadata=metadata(title="T", length=2_000_000))
    Clock(fake)
    async with fake, PlayerWatch(players) as watch:
        await fake.change(PlaybackStatus="Playing")
        fake["Metadata"] = metadata(title="T", length=60_000_000)
        await watch.player(lambda player: player.duration == 60.0, within=4.0)


async def test_rate_of_zero_while_playing_stops_the_clock(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus, Rate=1.0) as fake, PlayerWatch(players) as watch:
        clock = Clock(fake, 10.0)
        await fake.seeked(10_000_000)
        await watch.player(lambda player: at(player) >= 10.0)
        clock.seek(clock.now())
        clock.speed = 0.0
        await fake.change(Rate=0.0)
        stalled = await watch.player(lambda player: rate(player) == 0.0)
        assert stalled.playing

        clock.seek(clock.now())
        clock.speed = 1.0
        await fake.change(Rate=1.0)
        await watch.player(lambda player: rate(player) == 1.0)
        assert clock.error(watch.now[0]) < 1.0


# ---- players that do not signal ------------------------------------------------------------------


@pytest.mark.parametrize("after", [0.0, 0.2, 0.8])
async def test_state_after_a_command_is_read_from_a_player_that_never_signals(
    session_bus: PrivateBus, players: PlayersDevice, after: float
) -> None:
    async with (
        FakePlayer(session_bus, PlaybackStatus="Paused") as fake,
        PlayerWatch(players) as watch,
    ):

        def play() -> None:
            loop = asyncio.get_running_loop()
            loop.call_later(after, fake.__setitem__, "PlaybackStatus", "Playing")

        fake.before_reply["PlayPause"] = play
        begun = time.monotonic()
        await players.perform(PlayPause(PlayerId("player1")))
        await watch.player(lambda player: player.playing)

        assert time.monotonic() - begun < patiently(1.2)


async def test_player_that_signals_is_not_asked_after_a_command(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        fake.before_reply["PlayPause"] = lambda: asyncio.ensure_future(
            fake.change(PlaybackStatus="Paused")
        )
        await players.perform(PlayPause(PlayerId("player1")))
        await watch.player(lambda player: not player.playing)
        await asyncio.sleep(0.5)

        assert fake.reads.count("GetAll") == 1


@pytest.mark.parametrize("signals", [True, False], ids=["signals the status", "never signals"])
async def test_track_that_no_signal_names_is_found(
    session_bus: PrivateBus, players: PlayersDevice, signals: bool
) -> None:
    fake = FakePlayer(session_bus)
    clock = Clock(fake, 50.0)
    async with fake, PlayerWatch(players) as watch:
        if signals:
            await fake.change(PlaybackStatus="Playing")
        fake["Metadata"] = metadata(title="Next")
        clock.seek(0.0)

        await watch.player(titled("Next"), within=5.0)


async def test_hidden_player_that_never_signals_appears(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    fake = FakePlayer(session_bus, PlaybackStatus="Stopped", Metadata=metadata())
    async with fake, PlayerWatch(players) as watch:
        fake["PlaybackStatus"] = "Playing"
        fake["Metadata"] = metadata(title="Here")

        await watch.player(titled("Here"), within=5.0)


async def test_player_is_asked_nothing_without_a_watch(
    session_bus: PrivateBus, players: PlayersDevice
) -> None:
    async with FakePlayer(session_bus) as fake:
        async with PlayerWatch(players):
            await players.perform(PlayPause(PlayerId("player1")))
        asked = len(fake.reads)
        await asyncio.sleep(4.5)

        assert len(fake.reads) == asked


# ---- pictures ------------------------------------------------------------------------------------


async def test_a_picture_stays_in_hand_when_its_file_is_deleted(
    session_bus: PrivateBus, players: PlayersDevice, artwork: Artwork, tmp_path: Path
) -> None:
    file = tmp_path / ".org.chromium.Chromium.NUnytm"
    file.write_bytes(PNG)
    named = metadata(title="T", artUrl=file.as_uri())
    async with FakePlayer(session_bus, Metadata=named), PlayerWatch(players) as watch:
        player = await watch.player(lambda player: player.art)
        file.unlink()

        assert player.art == str(file)
        stored = artwork.find(str(file))
        assert stored is not None
        assert stored.content == PNG


async def test_a_picture_is_never_the_last_tracks_one(
    session_bus: PrivateBus, players: PlayersDevice, artwork: Artwork, tmp_path: Path
) -> None:
    file = tmp_path / "cover.png"
    file.write_bytes(PNG + b"One")
    fake = FakePlayer(session_bus, Metadata=metadata(title="One", artUrl=file.as_uri()))
    async with fake, PlayerWatch(players) as watch:
        for title in ("Two", "Three"):
            file.write_bytes(PNG + title.encode())
            await fake.change(Metadata=metadata(title=title, artUrl=file.as_uri()))
            await watch.player(lambda player, title=title: player.title == title and player.art)  # type: ignore[misc]
            stored = artwork.find(str(file))
            assert stored is not None
            assert stored.content == PNG + title.encode()
        await fake.change(Metadata=metadata(title="Bare"))
        assert (await watch.player(titled("Bare"))).art is None


async def test_a_new_track_its_position_and_its_picture_come_in_one_reading(
    session_bus: PrivateBus, players: PlayersDevice, tmp_path: Path
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        for number in range(20):
            file = tmp_path / f"{number}.png"
            file.write_bytes(PNG)
            fake["Position"] = number * 1_000_000
            await fake.change(Metadata=metadata(title=f"{number}", artUrl=file.as_uri()))
            await watch.player(lambda player, file=file: player.art == str(file))  # type: ignore[misc]

    assert len(watch.readings) < 30  # a second reading is for a picture that takes over 20 ms


async def test_a_picture_named_once_more_is_read_once_more(
    session_bus: PrivateBus, players: PlayersDevice, artwork: Artwork, tmp_path: Path
) -> None:
    file = tmp_path / "cover.png"
    file.write_bytes(PNG + b"one")
    fake = FakePlayer(session_bus, Metadata=metadata(title="One", artUrl=file.as_uri()))
    async with fake, PlayerWatch(players):
        file.write_bytes(PNG + b"two")
        await fake.signal(fake.properties)

        def content() -> bytes:
            stored = artwork.find(str(file))
            assert stored is not None
            return stored.content

        await until_async(lambda: content() == PNG + b"two")


async def test_cover_that_changes_after_its_track_was_signalled_is_another_reading(
    session_bus: PrivateBus, players: PlayersDevice, artwork: Artwork, tmp_path: Path
) -> None:
    file = tmp_path / "cover.png"
    fake = FakePlayer(session_bus, Metadata=metadata(title="One", artUrl=file.as_uri()))
    async with fake, PlayerWatch(players) as watch:
        assert watch.now[0].art is None
        for content in (b"late", b"overwritten"):
            before = watch.now[0].art_version
            file.write_bytes(PNG + content)
            player = await watch.player(
                lambda player, before=before: player.art_version != before  # type: ignore[misc]
            )
            stored = artwork.find(player.art or "")
            assert stored is not None
            assert stored.content == PNG + content


async def test_file_that_is_not_a_picture_is_no_art(
    session_bus: PrivateBus, players: PlayersDevice, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("a key")
    named = metadata(title="T", artUrl=file.as_uri())
    async with FakePlayer(session_bus, Metadata=named) as fake, PlayerWatch(players) as watch:
        await fake.change(PlaybackStatus="Paused")
        assert (await watch.player(lambda player: not player.playing)).art is None


async def test_a_picture_goes_a_minute_after_its_track_or_its_player(
    session_bus: PrivateBus, tmp_path: Path
) -> None:
    now = 1000.0
    artwork = Artwork(tmp_path / "cache", now=lambda: now)
    players = PlayersDevice(
        resources(buses=Buses(session=session_bus.address, system=None), artwork=artwork)
    )
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for file in (one, two):
        file.write_bytes(PNG)
    fake = FakePlayer(session_bus, Metadata=metadata(title="One", artUrl=one.as_uri()))
    async with PlayerWatch(players) as watch:
        async with fake:
            await watch.player(lambda player: player.art == str(one))
            await fake.change(Metadata=metadata(title="Two", artUrl=two.as_uri()))
            await watch.player(lambda player: player.art == str(two))
            now += 61
            assert artwork.find(str(one)) is None
            assert artwork.find(str(two)) is not None
        await watch.wait_for(lambda reading: reading == ())
        now += 59
        assert artwork.find(str(two)) is not None
        now += 2
        assert artwork.find(str(two)) is None
