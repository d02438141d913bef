from typing import Any

import pytest
from dbus_fast import Variant
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.mpris.commands import (
    PLAYER_COMMANDS,
    Call,
    Raise,
    Seek,
    SetLoop,
    SetPlayerVolume,
    SetShuffle,
    action_of,
    seek_call,
)
from deskwire.devices.mpris.values import LOOPS, PLAYER, ROOT, Status, parse_track
from deskwire.model.commands import PlayPause
from deskwire.model.problems import Malformed, NotSupported, TrackChanged
from deskwire.model.readings import PlayerId
from deskwire.model.units import Percent, Seconds

ID = PlayerId("player1")
TRACK = {"mpris:trackid": "/track/1", "mpris:length": 100_000_000, "xesam:title": "One"}
NAMELESS = {"mpris:length": 100_000_000, "xesam:title": "One"}


def to(position: float, **more: Any) -> Seek:
    return Seek(ID, position=Seconds(position), **more)


def by(distance: float) -> Seek:
    return Seek(ID, by=Seconds(distance))


@pytest.mark.parametrize(
    ("command", "metadata", "position", "member", "arguments"),
    [
        (to(40), TRACK, 5_000_000, "SetPosition", ("/track/1", 40_000_000)),
        (to(0), TRACK, None, "SetPosition", ("/track/1", 0)),
        (to(-3), TRACK, 5_000_000, "SetPosition", ("/track/1", 0)),
        (to(400), TRACK, 5_000_000, "SetPosition", ("/track/1", 100_000_000)),
        (by(10), TRACK, 5_000_000, "SetPosition", ("/track/1", 15_000_000)),
        (by(-30), TRACK, 5_000_000, "SetPosition", ("/track/1", 0)),
        (by(30), TRACK, None, "Seek", (30_000_000,)),
        (to(40), NAMELESS, 5_000_000, "Seek", (35_000_000,)),
        (by(-30), NAMELESS, 5_000_000, "Seek", (-30_000_000,)),
        (by(10), {**TRACK, "mpris:trackid": "1234"}, 5_000_000, "Seek", (10_000_000,)),
        (by(10), {**TRACK, "mpris:trackid": "/org/mpris/MediaPlayer2/TrackList/NoTrack"},
         5_000_000, "Seek", (10_000_000,)),
        (by(10), "no metadata", "no position", "Seek", (10_000_000,)),
    ],
)  # fmt: skip
def test_seek_names_the_track_if_it_has_an_id(
    command: Seek, metadata: object, position: object, member: str, arguments: tuple[Any, ...]
) -> None:
    call = seek_call(command, metadata, position)

    assert (call.interface, call.member, call.arguments) == (PLAYER, member, arguments)


@pytest.mark.parametrize(
    "command", [Seek(ID), Seek(ID, position=Seconds(1.0), by=Seconds(1.0))], ids=["none", "both"]
)
def test_seek_needs_either_a_position_or_a_distance(command: Seek) -> None:
    with pytest.raises(Malformed):
        seek_call(command, TRACK, 0)


def test_seek_in_a_track_that_has_changed_is_refused() -> None:
    key = parse_track(TRACK).key

    assert seek_call(to(1, track=key), TRACK, 0).member == "SetPosition"
    with pytest.raises(TrackChanged):
        seek_call(to(1, track=key), {**TRACK, "xesam:title": "Two"}, 0)


def test_seek_without_any_knowledge_is_not_supported() -> None:
    with pytest.raises(NotSupported):
        seek_call(to(10), {}, None)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.integers())
def test_seek_stays_within_the_track(position: float, length: int, now: int) -> None:
    metadata = {"mpris:trackid": "/t", "mpris:length": length}
    call = seek_call(to(min(position, 1e15)), metadata, now)

    assert call.arguments[1] >= 0
    if 1e6 <= length <= 1e13:
        assert call.arguments[1] <= length


def test_every_command_has_an_action() -> None:
    arguments: dict[type, dict[str, Any]] = {
        SetShuffle: {"on": True},
        SetLoop: {"mode": "track"},
        SetPlayerVolume: {"level": Percent(50)},
    }
    for command in PLAYER_COMMANDS:
        needed = arguments.get(command, {"rate": 1.0} if command.name == "players.rate" else {})
        built: Any = command(ID, **needed)
        action = action_of(built, None)
        assert action.verb
        assert (action.call is None) == (command is Seek)


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        (SetShuffle(ID, on=False), "Shuffle", Variant("b", False)),
        (SetPlayerVolume(ID, Percent(35)), "Volume", Variant("d", 0.35)),
        *((SetLoop(ID, mode), "LoopStatus", Variant("s", LOOPS[mode])) for mode in LOOPS),  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_mode_is_set_as_a_property(command: Any, name: str, value: Variant) -> None:
    call = action_of(command, None).call

    assert call is not None
    assert (call.member, call.arguments) == ("Set", (PLAYER, name, value))


def test_play_pause_needs_the_ability_for_its_direction() -> None:
    assert action_of(PlayPause(ID), Status.PLAYING).needs == (PLAYER, "CanPause")
    assert action_of(PlayPause(ID), Status.PAUSED).needs == (PLAYER, "CanPlay")
    assert action_of(Raise(ID), None)[1:] == ((ROOT, "CanRaise"), Call(ROOT, "Raise"))
