"""Commands on their way: seen, refused, or neither within a bound.

The contract answers no command. One that works is seen: its player changes, and the next `stats`
show it. One that does not is refused by an `error` event, which does not say what it is about; so
a refusal is taken by the command that has waited longest, and of an unknown player by one whose
player is not there. Who sends one command at a time never notices.
"""

import asyncio

from deskwire.model.commands import Action, Command
from deskwire.model.problems import Problem, UnknownPlayer
from deskwire.model.readings import Player, PlayerId, Snapshot
from deskwire.model.units import Seconds

JUMP = Seconds(2.5)
"""Positions are whole seconds and travel a while: a player that is this far off has jumped."""


class Waiting:
    """One command, and how its player was."""

    def __init__(self, command: Command, before: Player | None) -> None:
        self.command = command
        self.before = before
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class InFlight:
    """Every command that is neither seen nor refused yet, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, command: Command, snapshot: Snapshot) -> Waiting:
        """A command is about to be sent."""
        waiting = Waiting(command, find(snapshot, command.player))
        self._waiting.append(waiting)
        return waiting

    def remove(self, waiting: Waiting) -> None:
        """Nobody waits for it any more; however it was settled, it is settled now."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        if not waiting.settled.cancel() and not waiting.settled.cancelled():
            waiting.settled.exception()  # taken note of, or asyncio would complain

    def show(self, snapshot: Snapshot, now: Seconds) -> None:
        """Settle what can be seen; `now` is CLOCK_MONOTONIC."""
        for waiting in list(self._waiting):
            after = find(snapshot, waiting.command.player)
            if is_seen(waiting.command.action, waiting.before, after, now):
                self._settle(waiting, None)

    def refuse(self, problem: Problem) -> bool:
        """Give a refusal to the command it is most likely about; false when none waits."""
        if not self._waiting:
            return False
        likely = self._waiting
        if isinstance(problem, UnknownPlayer):
            likely = [each for each in likely if each.before is None] or likely
        self._settle(likely[0], problem)
        return True

    def give_up(self, problem: Problem) -> None:
        """Tell everybody who waits that nothing will come any more."""
        for waiting in list(self._waiting):
            self._settle(waiting, problem)

    def _settle(self, waiting: Waiting, problem: Problem | None) -> None:
        self._waiting.remove(waiting)
        if waiting.settled.done():
            return
        if problem is None:
            waiting.settled.set_result(None)
        else:
            waiting.settled.set_exception(problem)


def find(snapshot: Snapshot, player: PlayerId) -> Player | None:
    """Return the player with this id."""
    return next((each for each in snapshot.players if each.id == player), None)


def is_seen(action: Action, before: Player | None, after: Player | None, now: Seconds) -> bool:
    """Tell whether a player changed as if it had obeyed; `now` is CLOCK_MONOTONIC."""
    if before is None:
        return False
    if after is None:
        return action is Action.STOP
    if action in (Action.PLAY_PAUSE, Action.STOP) and before.playing != after.playing:
        return True
    if action is Action.PLAY_PAUSE:
        return False
    return _track(before) != _track(after) or _jumped(before, after, now)


def _track(player: Player) -> tuple[object, ...]:
    return (player.title, player.artist, player.album, player.duration)


def _jumped(before: Player, after: Player, now: Seconds) -> bool:
    if before.position is None or after.position is None:
        return (before.position is None) != (after.position is None)
    expected = before.position.reached(now, before.duration)
    return abs(after.position.reached(now, after.duration) - expected) > JUMP
