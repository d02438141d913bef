import pytest

from deskwire.cli.player_selection import select_player
from deskwire.model.problems import UnknownPlayer
from deskwire.model.readings import Player, PlayerId


def player(number: int, name: str, *, playing: bool = False) -> Player:
    return Player(id=PlayerId(f"player{number}"), name=name, playing=playing, title="A")


MPV, CHROME, FIREFOX = player(1, "mpv"), player(2, "Chrome", playing=True), player(3, "Firefox")
ALL = (MPV, CHROME, FIREFOX)


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        (None, CHROME),
        ("player3", FIREFOX),
        ("mpv", MPV),
        ("chrome", CHROME),
        ("FIREFOX", FIREFOX),
        ("fire", FIREFOX),
    ],
)
def test_a_player_is_meant_by_id_name_or_by_playing(wanted: str | None, meant: Player) -> None:
    assert select_player(ALL, wanted) is meant


def test_the_only_player_is_meant_even_when_it_pauses() -> None:
    assert select_player((MPV,), None) is MPV


def test_a_whole_name_goes_before_a_part_of_one() -> None:
    long = player(4, "mpv for children")

    assert select_player((long, MPV), "mpv") is MPV


def test_an_id_goes_before_a_name() -> None:
    liar = player(4, "player1")

    assert select_player((liar, MPV), "player1") is MPV


@pytest.mark.parametrize(
    ("players", "wanted", "words"),
    [
        (ALL, "vlc", ["no player 'vlc'", "player1  mpv", "player2  Chrome", "player3  Firefox"]),
        (ALL, "player", ["no player 'player'"]),
        (ALL, "", ["no player ''"]),
        (ALL, "r", ["'r' could be more than one"]),
        ((MPV, FIREFOX), None, ["more than one could be meant", "player1  mpv"]),
        ((CHROME, player(4, "vlc", playing=True)), None, ["more than one could be meant"]),
        ((), None, ["nothing plays", "no player"]),
        ((), "mpv", ["no player 'mpv'", "the desk has no player"]),
    ],
)
def test_where_none_is_meant_what_there_is_is_listed(
    players: tuple[Player, ...], wanted: str | None, words: list[str]
) -> None:
    with pytest.raises(UnknownPlayer) as caught:
        select_player(players, wanted)

    assert [word for word in words if word not in caught.value.message] == []


def test_a_strangers_name_is_printed_harmlessly() -> None:
    with pytest.raises(UnknownPlayer) as caught:
        select_player((player(1, "\x1b[2Jmpv"),), "vlc")

    assert "\x1b" not in caught.value.message
