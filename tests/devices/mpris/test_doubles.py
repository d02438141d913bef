import pytest
from msgspec import Struct

from deskwire.devices.mpris.doubles import Doubles
from deskwire.devices.mpris.values import Track
from deskwire.model.units import Seconds

SONG = Track(title="Same song", artist="X", duration=Seconds(200.0))


class Connection(Struct):
    """A connection to the bus."""

    owner: str
    name: str
    track: Track = SONG
    is_playing: bool = True
    process: int | str = 7
    names: list[str] = []


def are_one(one: Connection, other: Connection) -> bool:
    doubles = Doubles()
    forwards = doubles.are_one(one, other, Seconds(0.0))
    assert Doubles().are_one(other, one, Seconds(0.0)) is forwards
    return forwards


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("VLC", "VLC", True),
        ("Music App", "music-app", True),
        ("Nuclear", "nuclear ", True),
        ("Ann's phone", "Ann's tablet", False),
        ("音楽", "映画", False),
        ("♪", "♫", False),
    ],
)
def test_similar_identities_of_one_process_are_one_player(
    one: str, other: str, expected: bool
) -> None:
    first, second = Track(title="1"), Track(title="2")

    assert are_one(Connection(":1.1", one, first), Connection(":1.2", other, second)) is expected


def test_equal_identities_of_two_processes_are_two_players() -> None:
    assert not are_one(Connection(":1.1", "mpv"), Connection(":1.2", "mpv", process=8))


@pytest.mark.parametrize(
    ("track", "playing", "engine", "expected"),
    [
        (SONG, True, True, True),
        (SONG, True, False, True),
        (Track(title="Same song"), True, True, True),
        (Track(title="Same song"), True, False, False),
        (Track(title="Same song", artist="X", duration=Seconds(200.4)), True, False, True),
        (Track(title="Same song", artist="X", duration=Seconds(180.0)), True, False, False),
        (Track(title="Same song", artist="Y", duration=Seconds(200.0)), True, False, False),
        (Track(title="Another", artist="X", duration=Seconds(200.0)), True, True, False),
        (SONG, False, True, False),
        (Track(), True, True, False),
    ],
)
def test_two_identities_of_one_process_need_the_same_track_and_status(
    track: Track, playing: bool, engine: bool, expected: bool
) -> None:
    own = Connection(":1.1", "Own", names=["org.mpris.MediaPlayer2.own"])
    name = "org.mpris.MediaPlayer2." + ("chromium.instance7" if engine else "second")

    assert are_one(own, Connection(":1.2", "Second", track, playing, names=[name])) is expected


def test_doubles_that_differ_for_two_seconds_become_two_players() -> None:
    doubles = Doubles()
    one, other = Connection(":1.1", "One"), Connection(":1.2", "Other")
    assert doubles.are_one(one, other, Seconds(10.0))
    assert doubles.next_change() is None

    one.track = Track(title="Next")
    assert doubles.are_one(one, other, Seconds(100.0))
    assert doubles.next_change() == Seconds(102.0)
    assert doubles.are_one(one, other, Seconds(101.9))
    assert not doubles.are_one(one, other, Seconds(102.0))
    assert doubles.next_change() is None


def test_doubles_that_differ_for_a_moment_stay_one_player() -> None:
    doubles = Doubles()
    one, other = Connection(":1.1", "One"), Connection(":1.2", "Other")
    doubles.are_one(one, other, Seconds(0.0))
    one.track = Track(title="Next")
    doubles.are_one(one, other, Seconds(1.0))
    other.track = Track(title="Next")
    assert doubles.are_one(one, other, Seconds(1.5))

    one.is_playing = False
    assert doubles.are_one(one, other, Seconds(3.4))
    assert doubles.next_change() == Seconds(5.4)


def test_connection_that_ended_is_forgotten() -> None:
    doubles = Doubles()
    one, other = Connection(":1.1", "One"), Connection(":1.2", "Other")
    doubles.are_one(one, other, Seconds(0.0))
    doubles.forget(":1.2")
    one.track = Track(title="Next")

    assert not doubles.are_one(one, other, Seconds(1.0))
