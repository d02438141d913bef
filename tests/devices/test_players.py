import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import msgspec
import pytest
from dbus_fast import Variant

from deskwire.devices.artwork import Artwork
from deskwire.devices.buses import Buses, BusLost
from deskwire.devices.players import Players
from deskwire.model.commands import Action, Command
from deskwire.model.problems import NotSupported, PlayerError, PlayerTimeout, UnknownPlayer
from deskwire.model.snapshot import Player, PlayerId
from tests.parts.buses import PrivateBus
from tests.parts.fake_player import PLAYER, ROOT, FakePlayer, Told, metadata
from tests.parts.media import Media
from tests.parts.mpv import Mpv
from tests.parts.player_watch import PlayerWatch, Reading
from tests.parts.waiting import until_async

PNG = b"\x89PNG\r\n\x1a\n"
UNKNOWN_PROPERTY = "org.freedesktop.DBus.Error.UnknownProperty"


@pytest.fixture
def artwork(tmp_path: Path) -> Artwork:
    return Artwork(tmp_path / "cache")


@pytest.fixture
def players(session_bus: PrivateBus, artwork: Artwork) -> Players:
    return Players(Buses(session=session_bus.address, system=None), artwork)


def titles(reading: Reading) -> list[str]:
    return [player.title for player in reading]


def at(player: Player) -> float:
    return player.position.at if player.position else -1.0


def rate(player: Player) -> float:
    return player.position.rate if player.position else -1.0


def titled(title: str) -> Callable[[Player], bool]:
    return lambda player: player.title == title


# ---- what is told --------------------------------------------------------------------------------


async def test_the_first_reading_has_a_real_players_whole_track(
    session_bus: PrivateBus, players: Players, artwork: Artwork, media: Media
) -> None:
    with Mpv(session_bus, [media.first.file], paused=True):
        async with PlayerWatch(players) as watch:
            (player,) = watch.readings[0]

    assert (player.id, player.name, player.playing) == ("player1", "mpv", False)
    assert (player.title, player.artist, player.album) == ("The Reason", "Hoobastank", "Fallen")
    assert player.duration is not None
    assert int(player.duration) == 232
    assert player.position is not None
    assert player.position.at < 1
    assert player.position.rate == 0.0
    assert player.art == str(media.cover)
    kept = artwork.find(str(media.cover))
    assert kept is not None
    assert kept.content == media.cover_bytes


async def test_an_untagged_file_is_called_by_its_name(
    session_bus: PrivateBus, players: Players, media: Media
) -> None:
    with Mpv(session_bus, [media.bare.file]):
        async with PlayerWatch(players) as watch:
            (player,) = watch.readings[0]

    assert player.title == "untagged tune.mp3"
    assert (player.artist, player.album, player.art) == ("", None, None)


async def test_without_a_player_the_first_reading_is_empty_and_comes_at_once(
    players: Players,
) -> None:
    begun = time.monotonic()
    async with PlayerWatch(players) as watch:
        assert watch.now == ()
        assert time.monotonic() - begun < 0.1


async def test_a_player_that_comes_and_goes_is_seen_to(
    session_bus: PrivateBus, players: Players
) -> None:
    async with PlayerWatch(players) as watch:
        async with FakePlayer(session_bus):
            await watch.player(titled("The Reason"))
        await watch.see(lambda reading: reading == ())


async def test_a_change_is_yielded_at_once(session_bus: PrivateBus, players: Players) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        took = []
        for playing in [False, True] * 10:
            begun = time.perf_counter()
            await fake.change(PlaybackStatus="Playing" if playing else "Paused")
            await watch.player(lambda player, playing=playing: player.playing is playing)  # type: ignore[misc]
            took.append(time.perf_counter() - begun)

    assert sorted(took)[len(took) // 2] < 0.005


async def test_what_is_repeated_unchanged_is_not_told_again(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus, Rate=1.0) as fake, PlayerWatch(players) as watch:
        for _ in range(5):
            await fake.signal(fake.told)
        await fake.change(PlaybackStatus="Paused")
        await watch.player(lambda player: not player.playing)

    assert len(watch.readings) == 2


async def test_a_track_change_in_many_signals_ends_as_the_player_does(
    session_bus: PrivateBus, players: Players, tmp_path: Path
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
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        fake["Metadata"] = metadata(title="Told on asking")
        await fake.signal({}, gone=("Metadata",))

        await watch.player(titled("Told on asking"))


@pytest.mark.parametrize("asked", ["GetAll", "Get Identity"])
async def test_what_is_signalled_while_a_player_is_being_asked_is_not_lost(
    session_bus: PrivateBus, players: Players, asked: str
) -> None:
    async with PlayerWatch(players) as watch:
        fake = FakePlayer(session_bus, PlaybackStatus="Stopped", Metadata=metadata())
        newer = {"Metadata": metadata(title="Newer"), "PlaybackStatus": Variant("s", "Playing")}
        fake.when[asked] = lambda: fake.signal(newer)
        async with fake:
            await watch.player(titled("Newer"))


async def test_a_player_that_changes_its_identity_keeps_its_id(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        await fake.signal({"Identity": Variant("s", "Renamed")}, interface=ROOT)

        player = await watch.player(lambda player: player.name == "Renamed")
        assert player.id == "player1"


# ---- time ----------------------------------------------------------------------------------------


async def test_the_position_is_asked_for_after_a_seek_and_not_otherwise(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus, Position=5_000_000) as fake, PlayerWatch(players) as watch:
        first = watch.now[0].position
        assert first is not None
        assert (first.at, first.rate) == (5.0, 1.0)
        assert fake.asked == ["GetAll", "Get Identity"]

        fake["Position"] = 60_000_000
        await fake.seeked(0)
        player = await watch.player(lambda player: at(player) > 50)

        assert player.position is not None
        assert player.position.at == 60.0
        assert fake.asked.count("Get Position") == 1


async def test_a_paused_player_stands_still_where_it_had_come_to(
    session_bus: PrivateBus, players: Players
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
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus, Rate=1.5) as fake, PlayerWatch(players) as watch:
        await fake.change(PlaybackStatus="Paused", Rate=0.0)
        await watch.player(lambda player: rate(player) == 0.0)
        await fake.change(PlaybackStatus="Playing")

        await watch.player(lambda player: rate(player) == 1.5)


async def test_a_new_track_begins_at_its_beginning(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus, Position=99_000_000) as fake, PlayerWatch(players) as watch:
        fake["Position"] = 0
        await fake.change(Metadata=metadata(title="Next"))
        player = await watch.player(titled("Next"))

    assert player.position is not None
    assert player.position.at < 0.1


async def test_a_player_that_tells_no_position_has_none(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus) as fake:
        del fake.told["Position"]
        async with PlayerWatch(players) as watch:
            await fake.change(Metadata=metadata(title="Next"))
            player = await watch.player(titled("Next"))

    assert player.position is None


# ---- who is shown --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["playerctld", "kdeconnect.mpris_000001", "GSConnect.phone"])
async def test_those_who_repeat_other_players_are_left_out(
    session_bus: PrivateBus, players: Players, name: str
) -> None:
    async with (
        FakePlayer(session_bus, name, Metadata=metadata(title="Echo")),
        PlayerWatch(players) as watch,
        FakePlayer(session_bus, "real"),
    ):
        await watch.player(titled("The Reason"))

    assert {"Echo"}.isdisjoint(title for reading in watch.readings for title in titles(reading))


async def test_a_ghost_is_left_out_until_it_plays_something(
    session_bus: PrivateBus, players: Players
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
        await watch.see(lambda reading: reading == ())


async def test_two_names_on_one_connection_are_one_player(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus, "mpv") as fake:
        await fake.take_name(f"{ROOT}.mpv.instance1")
        async with PlayerWatch(players) as watch:
            assert titles(watch.now) == ["The Reason"]
            await fake.drop_name()
            await fake.change(Metadata=metadata(title="Still"))
            assert (await watch.player(titled("Still"))).id == "player1"


async def test_a_process_that_is_there_twice_under_one_identity_is_one_player(
    session_bus: PrivateBus, players: Players
) -> None:
    async with (
        FakePlayer(session_bus, "vlc.instance7", Identity="VLC"),
        PlayerWatch(players) as watch,
    ):
        async with FakePlayer(session_bus, "vlc", Identity="VLC") as first:
            await until_async(lambda: "Get Identity" in first.asked)
            await first.change(PlaybackStatus="Paused")
            assert len(watch.now) == 1
        assert (await watch.player()).id == "player1"

    assert {player.id for reading in watch.readings for player in reading} == {"player1"}


async def test_the_id_stays_when_the_shown_one_of_two_leaves(
    session_bus: PrivateBus, players: Players
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
    session_bus: PrivateBus, players: Players
) -> None:
    async with (
        FakePlayer(session_bus, "phone", Identity="Ann's phone"),
        FakePlayer(session_bus, "tablet", Identity="Ann's tablet"),
        PlayerWatch(players) as watch,
    ):
        assert [player.name for player in watch.now] == ["Ann's phone", "Ann's tablet"]


async def test_the_browser_bridge_is_left_out_while_its_browser_is_shown(
    session_bus: PrivateBus, players: Players, media: Media
) -> None:
    with Mpv(session_bus, [media.first.file]) as browser:
        repeats = metadata(title="Echo", kde__pid=Variant("u", browser.pid))
        bridge = FakePlayer(session_bus, "plasma-browser-integration", Metadata=repeats)
        async with bridge, PlayerWatch(players) as watch:
            await watch.player(titled("The Reason"))
            browser.kill()
            await watch.player(titled("Echo"))


async def test_a_hung_player_holds_up_nobody_and_joins_when_it_answers(
    session_bus: PrivateBus, players: Players, media: Media
) -> None:
    with Mpv(session_bus, [media.first.file]) as hung:
        async with FakePlayer(session_bus, Metadata=metadata(title="Lively")):
            hung.signal(SIGSTOP)
            begun = time.monotonic()
            async with PlayerWatch(players) as watch:
                assert time.monotonic() - begun < 0.25
                assert titles(watch.now) == ["Lively"]
                hung.signal(SIGCONT)
                await watch.see(lambda reading: len(reading) == 2)

    assert titles(watch.now) == ["Lively", "The Reason"]


async def test_a_player_that_takes_its_name_before_it_is_ready_is_asked_again(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus) as fake:
        fake.errors["GetAll"] = "org.freedesktop.DBus.Error.UnknownObject"
        async with PlayerWatch(players) as watch:
            assert watch.now == ()
            fake.errors.clear()
            await watch.player(titled("The Reason"))


async def test_a_player_without_an_identity_is_called_by_its_bus_name(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus, "quodlibet.instance9") as fake:
        fake.errors["Get Identity"] = UNKNOWN_PROPERTY
        async with PlayerWatch(players) as watch:
            assert watch.now[0].name == "quodlibet"


# ---- ids -----------------------------------------------------------------------------------------


async def test_a_player_that_drops_its_name_for_a_moment_keeps_its_id(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        await fake.drop_name()
        await watch.see(lambda reading: reading == ())
        await fake.take_name()

        assert (await watch.player()).id == "player1"


async def test_another_process_under_the_same_name_is_another_player(
    session_bus: PrivateBus, players: Players, media: Media
) -> None:
    async with PlayerWatch(players) as watch:
        with Mpv(session_bus, [media.first.file]):
            await watch.player()
        with Mpv(session_bus, [media.first.file]) as second:
            player = await watch.player(lambda player: player.id != "player1")
            assert second.name == f"{ROOT}.mpv"

    assert player.id == "player2"


async def test_ids_outlive_a_watch(session_bus: PrivateBus, players: Players) -> None:
    async with FakePlayer(session_bus, "one"):
        async with FakePlayer(session_bus, "two"), PlayerWatch(players):
            pass
        async with FakePlayer(session_bus, "three"), PlayerWatch(players) as watch:
            assert [player.id for player in watch.now] == ["player1", "player3"]


async def test_the_bus_that_dies_ends_the_watch_and_ids_go_on_after_it(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus), PlayerWatch(players) as watch:
        session_bus.kill()
        assert isinstance(await watch.end(), BusLost)
    session_bus.restart()

    async with FakePlayer(session_bus), PlayerWatch(players) as watch:
        assert watch.now[0].id == "player2"


async def test_a_bus_that_dies_fifty_times_leaves_nothing_behind(
    session_bus: PrivateBus, players: Players
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
    session_bus: PrivateBus, players: Players
) -> None:
    seen: dict[PlayerId, str] = {}
    async with PlayerWatch(players) as watch:
        for number in range(0, 500, 20):
            async with AsyncExitStack() as there:
                for each in range(number, number + 20):
                    fake = FakePlayer(session_bus, f"p{each}", Metadata=metadata(title=str(each)))
                    await there.enter_async_context(fake)
                await watch.see(lambda reading: len(reading) == 20)
                for player in watch.now:
                    assert seen.setdefault(player.id, player.title) == player.title
            await watch.see(lambda reading: reading == ())
        assert len(asyncio.all_tasks()) < 10

    assert len(seen) == 500
    assert len(players._ids._by_owner) == 0


# ---- what no player should say -------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
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
async def test_whatever_a_player_says_the_reading_can_be_written(
    session_bus: PrivateBus, players: Players, told: dict[str, Variant]
) -> None:
    async with (
        FakePlayer(session_bus, "odd", **told) as odd,
        FakePlayer(session_bus, "sane", Metadata=metadata(title="Sane")) as sane,
        PlayerWatch(players) as watch,
    ):
        await odd.signal(told)
        await sane.change(PlaybackStatus="Paused")
        await watch.see(lambda reading: any(not player.playing for player in reading))
        reading = watch.now

    written = msgspec.json.encode(reading).decode("utf-8")
    assert not any(character < " " for character in written)
    assert {"\u202e", "\u2066", "\x1b"}.isdisjoint(written)
    assert "null" not in msgspec.json.encode([p.title for p in reading]).decode()
    for player in reading:
        assert player.duration is None or player.duration > 0
        assert player.position is None or player.position.at >= 0


async def test_a_title_of_five_megabytes_is_cut_between_two_characters(
    session_bus: PrivateBus, players: Players
) -> None:
    endless = metadata(title="🎵" * 1_300_000)
    async with FakePlayer(session_bus, Metadata=endless), PlayerWatch(players) as watch:
        title = (await watch.player()).title

    assert set(title) == {"🎵"}
    assert len(title.encode()) == 1000


async def test_malformed_signals_are_passed_over(session_bus: PrivateBus, players: Players) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players) as watch:
        await fake.emit("org.freedesktop.DBus.Properties", "PropertiesChanged", "s", [PLAYER])
        await fake.emit(PLAYER, "Seeked", "s", ["somewhere"])
        await fake.emit("org.freedesktop.DBus", "NameOwnerChanged", "sss", [fake.name, "", ":1.0"])
        await fake.change(Metadata=metadata(title="Well-formed"))

        await watch.player(titled("Well-formed"))
        assert watch.problem is None


# ---- pictures ------------------------------------------------------------------------------------


async def test_a_picture_stays_in_hand_when_its_file_is_deleted(
    session_bus: PrivateBus, players: Players, artwork: Artwork, tmp_path: Path
) -> None:
    file = tmp_path / ".org.chromium.Chromium.NUnytm"
    file.write_bytes(PNG)
    named = metadata(title="T", artUrl=file.as_uri())
    async with FakePlayer(session_bus, Metadata=named), PlayerWatch(players) as watch:
        player = await watch.player(lambda player: player.art)
        file.unlink()

        assert player.art == str(file)
        kept = artwork.find(str(file))
        assert kept is not None
        assert kept.content == PNG


async def test_a_new_track_comes_with_its_picture_and_never_with_the_last_ones(
    session_bus: PrivateBus, players: Players, artwork: Artwork, tmp_path: Path
) -> None:
    file = tmp_path / "cover.png"
    file.write_bytes(PNG + b"one")
    fake = FakePlayer(session_bus, Metadata=metadata(title="One", artUrl=file.as_uri()))
    async with fake, PlayerWatch(players) as watch:
        for title in ("Two", "Three"):
            file.write_bytes(PNG + title.encode())
            await fake.change(Metadata=metadata(title=title, artUrl=file.as_uri()))
            player = await watch.player(titled(title))
            assert player.art == str(file)
            kept = artwork.find(str(file))
            assert kept is not None
            assert kept.content == PNG + title.encode()
        await fake.change(Metadata=metadata(title="Bare"))
        assert (await watch.player(titled("Bare"))).art is None


async def test_a_picture_named_once_more_is_read_once_more(
    session_bus: PrivateBus, players: Players, artwork: Artwork, tmp_path: Path
) -> None:
    file = tmp_path / "cover.png"
    file.write_bytes(PNG + b"one")
    fake = FakePlayer(session_bus, Metadata=metadata(title="One", artUrl=file.as_uri()))
    async with fake, PlayerWatch(players):
        file.write_bytes(PNG + b"two")
        await fake.signal(fake.told)

        def content() -> bytes:
            kept = artwork.find(str(file))
            assert kept is not None
            return kept.content

        await until_async(lambda: content() == PNG + b"two")


async def test_what_is_no_picture_is_no_art(
    session_bus: PrivateBus, players: Players, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("a key")
    named = metadata(title="T", artUrl=file.as_uri())
    async with FakePlayer(session_bus, Metadata=named) as fake, PlayerWatch(players) as watch:
        await fake.change(PlaybackStatus="Paused")
        assert (await watch.player(lambda player: not player.playing)).art is None


# ---- taps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "method"),
    [
        (Action.PLAY_PAUSE, "PlayPause"),
        (Action.NEXT, "Next"),
        (Action.PREVIOUS, "Previous"),
        (Action.STOP, "Stop"),
    ],
)
async def test_a_tap_moves_exactly_one_player(
    session_bus: PrivateBus, players: Players, action: Action, method: str
) -> None:
    async with (
        FakePlayer(session_bus, "one") as one,
        FakePlayer(session_bus, "two") as two,
        PlayerWatch(players),
    ):
        await players.perform(Command(action, PlayerId("player2")))

    assert (one.obeyed, two.obeyed) == ([], [method])


async def test_a_real_player_pauses(
    session_bus: PrivateBus, players: Players, media: Media
) -> None:
    with Mpv(session_bus, [media.first.file]) as mpv:
        async with PlayerWatch(players) as watch:
            await players.perform(Command(Action.PLAY_PAUSE, PlayerId("player1")))
            await watch.player(lambda player: not player.playing)

        assert mpv.get("pause") is True


async def test_a_player_that_never_was_is_unknown(players: Players) -> None:
    async with PlayerWatch(players):
        with pytest.raises(UnknownPlayer):
            await players.perform(Command(Action.NEXT, PlayerId("player1")))


async def test_a_player_that_left_is_unknown(session_bus: PrivateBus, players: Players) -> None:
    async with PlayerWatch(players) as watch:
        async with FakePlayer(session_bus):
            await watch.player()
        with pytest.raises(UnknownPlayer):
            await players.perform(Command(Action.NEXT, PlayerId("player1")))


async def test_a_player_is_not_mistaken_for_another_on_a_bus_started_anew(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus), PlayerWatch(players):
        pass
    session_bus.restart()
    async with FakePlayer(session_bus) as other:
        with pytest.raises(UnknownPlayer):
            await players.perform(Command(Action.NEXT, PlayerId("player1")))

        assert other.obeyed == []


async def test_a_tap_works_while_nobody_watches(session_bus: PrivateBus, players: Players) -> None:
    async with FakePlayer(session_bus) as fake:
        async with PlayerWatch(players):
            pass
        await players.perform(Command(Action.NEXT, PlayerId("player1")))

        assert fake.obeyed == ["Next"]


async def test_a_player_that_dies_of_it_is_unknown(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players):
        fake.dies_on.add("Next")
        with pytest.raises(UnknownPlayer):
            await players.perform(Command(Action.NEXT, PlayerId("player1")))


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (Action.NEXT, {"CanGoNext": False}),
        (Action.PREVIOUS, {"CanGoPrevious": False}),
        (Action.PLAY_PAUSE, {"CanPause": False}),
        (Action.PLAY_PAUSE, {"CanPlay": False, "PlaybackStatus": "Paused"}),
        (Action.STOP, {"CanControl": False}),
        (Action.NEXT, {"CanControl": False, "CanGoNext": True}),
    ],
)
async def test_what_a_player_cannot_do_is_not_asked_of_it(
    session_bus: PrivateBus, players: Players, action: Action, told: dict[str, Told]
) -> None:
    async with FakePlayer(session_bus, **told) as fake, PlayerWatch(players):
        with pytest.raises(NotSupported):
            await players.perform(Command(action, PlayerId("player1")))

        assert fake.obeyed == []


async def test_what_a_player_can_do_by_now_is_asked_of_it_though_it_signalled_nothing(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus, CanGoNext=False) as fake, PlayerWatch(players):
        fake["CanGoNext"] = True
        await players.perform(Command(Action.NEXT, PlayerId("player1")))

        assert fake.obeyed == ["Next"]


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        ("org.freedesktop.DBus.Error.Failed", PlayerError),
        ("org.example.Odd", PlayerError),
        ("org.freedesktop.DBus.Error.UnknownMethod", NotSupported),
        ("org.freedesktop.DBus.Error.NotSupported", NotSupported),
    ],
)
async def test_a_players_refusal_is_told_for_what_it_is(
    session_bus: PrivateBus, players: Players, error: str, problem: type[Exception]
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players):
        fake.errors["Next"] = error
        with pytest.raises(problem):
            await players.perform(Command(Action.NEXT, PlayerId("player1")))

        assert fake.obeyed == ["Next"]


async def test_a_player_that_does_not_answer_is_given_up_after_a_second(
    session_bus: PrivateBus, players: Players
) -> None:
    async with FakePlayer(session_bus) as fake, PlayerWatch(players):
        fake.silent.add("Next")
        begun = time.monotonic()
        with pytest.raises(PlayerTimeout):
            await players.perform(Command(Action.NEXT, PlayerId("player1")))

        assert 0.9 < time.monotonic() - begun < 1.2
        assert fake.obeyed == ["Next"]


async def test_a_hung_player_obeys_nothing_when_it_wakes_up(
    session_bus: PrivateBus, players: Players, media: Media
) -> None:
    with Mpv(session_bus, [media.first.file]) as mpv:
        async with PlayerWatch(players):
            mpv.signal(SIGSTOP)
            with pytest.raises(PlayerTimeout):
                await players.perform(Command(Action.PLAY_PAUSE, PlayerId("player1")))
            mpv.signal(SIGCONT)

            begun = mpv.get("time-pos")
            await until_async(lambda: mpv.get("time-pos") > begun + 0.3)
        assert mpv.get("pause") is False
