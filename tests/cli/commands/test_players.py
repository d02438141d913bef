import pytest

from deskwire.cli.commands.players import select_player
from deskwire.model.problems import UnknownPlayer
from deskwire.model.readings import Player, PlayerId


def player(number: int, name: str, *, playing: bool = False) -> Player:
    return Player(id=PlayerId(f"player{number}"), name=name, playing=playing, title="A")


MPV, CHROME, FIREFOX = player(1, "mpv"), player(2, "Chrome", playing=True), player(3, "Firefox")
ALL = (MPV, CHROME, FIREFOX)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, CHROME),
        ("player3", FIREFOX),
        ("mpv", MPV),
        ("chrome", CHROME),
        ("FIREFOX", FIREFOX),
        ("fire", FIREFOX),
    ],
)
def test_player_is_selected_by_id_name_or_playing(wanted: str | None, expected: Player) -> None:
    assert select_player(ALL, wanted) is expected


def test_only_player_is_selected_even_when_paused() -> None:
    assert select_player((MPV,), None) is MPV


def test_whole_name_precedes_part_of_a_name() -> None:
    long_name = player(4, "mpv for children")

    assert select_player((long_name, MPV), "mpv") is MPV


def test_id_precedes_name() -> None:
    misnamed = player(4, "player1")

    assert select_player((misnamed, MPV), "player1") is MPV


@pytest.mark.parametrize(
    ("players", "wanted", "texts"),
    [
        (
            ALL,
            "vlc",
            ["no player matches 'vlc'", "player1  mpv", "player2  Chrome", "player3  Firefox"],
        ),
        (ALL, "player", ["no player matches 'player'"]),
        (ALL, "", ["no player matches ''"]),
        (ALL, "r", ["'r' is ambiguous"]),
        ((MPV, FIREFOX), None, ["more than one player; name one", "player1  mpv"]),
        ((CHROME, player(4, "vlc", playing=True)), None, ["more than one player; name one"]),
        ((), None, ["no player to choose", "the desk has no player"]),
        ((), "mpv", ["no player matches 'mpv'", "the desk has no player"]),
    ],
)
def test_unclear_choice_lists_the_players(
    players: tuple[Player, ...], wanted: str | None, texts: list[str]
) -> None:
    with pytest.raises(UnknownPlayer) as caught:
        select_player(players, wanted)

    assert [text for text in texts if text not in caught.value.message] == []


def test_control_characters_of_a_player_name_are_replaced() -> None:
    with pytest.raises(UnknownPlayer) as caught:
        select_player((player(1, "\x1b[2Jmpv"),), "vlc")

    assert "\x1b" not in caught.value.message
