"""Which player is meant: by its id, by its name, or the one that plays when nobody says."""

from collections.abc import Sequence

from deskwire.model.problems import UnknownPlayer
from deskwire.model.readings import Player
from deskwire.terminal.formatting import clean


def select_player(players: Sequence[Player], wanted: str | None) -> Player:
    """Return the one player that is meant; raises `UnknownPlayer`, which lists what there is.

    `wanted` is an id, or a name in any case, whole or in part; a whole one goes first. Without it,
    it is the one that plays; or the only one there is.
    """
    if wanted is None:
        found = [player for player in players if player.playing] or list(players)
        why = "nothing plays" if not players else "more than one could be meant; name it"
    else:
        found = matching_players(players, wanted)
        why = f"no player {wanted!r}" if not found else f"{wanted!r} could be more than one"
    if len(found) != 1:
        raise UnknownPlayer(f"{why}; {list_players(players)}")
    return found[0]


def matching_players(players: Sequence[Player], wanted: str) -> list[Player]:
    """Return those with this id; else with this name; else with this in their name."""
    name = wanted.casefold()
    for fits in (
        [player for player in players if player.id == wanted],
        [player for player in players if player.name.casefold() == name],
        [player for player in players if name and name in player.name.casefold()],
    ):
        if fits:
            return fits
    return []


def list_players(players: Sequence[Player]) -> str:
    """Say which players there are, a line each."""
    if not players:
        return "the desk has no player"
    lines = [f"  {player.id}  {clean(player.name)}" for player in players]
    return "\n".join(["the desk has", *lines])
