"""Commands for media players: `play-pause`, `next`, `previous`, `stop` and `art`."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from deskwire.cli import exit_codes
from deskwire.cli.desk_session import connected_desk
from deskwire.cli.exit_codes import fail
from deskwire.cli.main import COMMANDS
from deskwire.cli.options import desk_option
from deskwire.client.sync import Desk
from deskwire.model.problems import UnknownPlayer
from deskwire.model.readings import Player
from deskwire.model.text import printable
from deskwire.model.units import Bytes, Seconds
from deskwire.terminal.console import Console
from deskwire.terminal.formatting import format_player, format_size

PlayerMethod = Callable[[Desk, Player], None]

PLAYER_HELP = """

PLAYER is an id, a name or a part of a name. The default is the player that plays, or the only one.
"""
ACTION_HELP = "The command prints the new state of the player."
ART_TIMEOUT = 1.0
"""Seconds to wait for a player's cover picture."""


def player_command(name: str, method: PlayerMethod) -> click.Command:
    """Return the command that calls a method of the desk with a player."""

    @click.command(
        name, help=f"{COMMANDS[name].summary}{PLAYER_HELP}The command prints the new state."
    )
    @click.argument("player", required=False)
    @desk_option
    def command(player: str | None, host: str | None) -> None:
        with connected_desk(host) as desk:
            selected = select_player(desk.snapshot.players, player)
            method(desk, selected)
            now = Seconds(time.monotonic())
            left = [each for each in desk.snapshot.players if each.id == selected.id]
            text = format_player(left[0], now) if left else f"{selected.id}: nothing to play"
            Console().write(text)

    return command


play_pause = player_command("play-pause", Desk.play_pause)
next_ = player_command("next", Desk.next)
previous = player_command("previous", Desk.previous)
stop_ = player_command("stop", Desk.stop)


@click.command(help=f"Save the cover picture of the track that a player plays.{PLAYER_HELP}")
@click.argument("player", required=False)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    metavar="FILE",
    help="File to write; - is standard output.",
)
@desk_option
def art(player: str | None, output: Path, host: str | None) -> None:
    """Save a cover picture."""
    with connected_desk(host) as desk:
        selected = wait_for_art(desk, select_player(desk.snapshot.players, player))
        found = desk.art(selected)
    if found is None:
        name = f"{selected.id} {printable(selected.name)}"
        fail(f"{name} has no cover picture", exit_codes.FAILED)
    if str(output) == "-":
        sys.stdout.buffer.write(found.content)
        return
    try:
        output.write_bytes(found.content)
    except OSError as problem:
        fail(f"{output}: {problem.strerror}", exit_codes.FAILED)
    print(f"{output}: {printable(found.media_type)}, {format_size(Bytes(len(found.content)))}")


def select_player(players: Sequence[Player], wanted: str | None) -> Player:
    """Return the player with this id, else with this name, else with this part of a name.

    Without `wanted`, return the player that plays, or the only one. Names match in any case. Raises
    `UnknownPlayer` with a list of the players if none or more than one matches.
    """
    if wanted is None:
        found = [player for player in players if player.playing] or list(players)
        reason = "no player to choose" if not players else "more than one player; name one"
    else:
        found = matching_players(players, wanted)
        reason = f"no player matches {wanted!r}" if not found else f"{wanted!r} is ambiguous"
    if len(found) != 1:
        raise UnknownPlayer(f"{reason}; {list_players(players)}")
    return found[0]


def matching_players(players: Sequence[Player], wanted: str) -> list[Player]:
    """Return the players of the best kind of match: id, whole name, part of a name."""
    name = wanted.casefold()
    for matches in (
        [player for player in players if player.id == wanted],
        [player for player in players if player.name.casefold() == name],
        [player for player in players if name and name in player.name.casefold()],
    ):
        if matches:
            return matches
    return []


def list_players(players: Sequence[Player]) -> str:
    """Return a heading and one line for each player."""
    if not players:
        return "the desk has no player"
    lines = [f"  {each.id}  {printable(each.name)}" for each in players]
    return "\n".join(["players of the desk:", *lines])


def wait_for_art(desk: Desk, player: Player) -> Player:
    """Return the player once it has a cover picture, or after a second without one.

    The desk reads a picture before it names it, which may be after the first snapshot.
    """
    deadline = time.monotonic() + ART_TIMEOUT
    for snapshot in desk:
        player = next((each for each in snapshot.players if each.id == player.id), player)
        if player.art is not None or time.monotonic() > deadline:
            break
    return player
