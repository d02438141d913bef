"""`deskwire play-pause`, `next`, `previous` and `stop`: taps, from a terminal or a key."""

import click

from deskwire.cli.connect import connected_desk, desk_option
from deskwire.model.commands import Action

SAYS = {
    Action.PLAY_PAUSE: "Toggle play and pause of a player.",
    Action.NEXT: "Skip to a player's next track.",
    Action.PREVIOUS: "Go to a player's previous track.",
    Action.STOP: "Stop a player.",
}
MORE = """

PLAYER is an id, or a name or a part of one; without it the one that plays is meant, or the only
one there is. Prints how the player is then.
"""


def tap(action: Action, wanted: str | None, host: str | None) -> None:
    """Do it, and print how the player is then."""
    import time

    from deskwire.cli.player_selection import select_player
    from deskwire.model.units import Seconds
    from deskwire.terminal.console import Console
    from deskwire.terminal.formatting import format_player

    with connected_desk(host) as desk:
        player = select_player(desk.snapshot.players, wanted)
        do = {
            Action.PLAY_PAUSE: desk.play_pause,
            Action.NEXT: desk.next,
            Action.PREVIOUS: desk.previous,
            Action.STOP: desk.stop,
        }
        do[action](player)
        now = [each for each in desk.snapshot.players if each.id == player.id]
        monotonic = Seconds(time.monotonic())
        Console().write(
            format_player(now[0], monotonic) if now else f"{player.id}: has nothing to play"
        )


def command(action: Action) -> click.Command:
    """Make the command of an action."""

    @click.command(action.value, help=SAYS[action] + MORE, short_help=SAYS[action])
    @click.argument("player", required=False)
    @desk_option
    def one(player: str | None, host: str | None) -> None:
        tap(action, player, host)

    return one


play_pause, next_, previous, stop_ = (
    command(action) for action in (Action.PLAY_PAUSE, Action.NEXT, Action.PREVIOUS, Action.STOP)
)
