"""Pending commands, and guesses about their results.

The base protocol does not answer commands. A command that works changes its player in the next
`stats`. One that fails causes an `error` event, which does not name the command. So an error is
assigned to the oldest pending command, and `unknown_player` to one whose player is missing. The
guess is exact for a client that sends one command at a time.
"""

import asyncio

from deskwire.model.commands import PlayerCommand, PlayPause, Stop
from deskwire.model.problems import Problem, UnknownPlayer
from deskwire.model.readings import Player, PlayerId, Snapshot
from deskwire.model.units import Seconds

JUMP = Seconds(2.5)
"""Difference between expected and reported position that counts as a jump, in seconds."""


class PendingCommand:
    """One command, and its player's state before it."""

    def __init__(self, command: PlayerCommand, before: Player | None) -> None:
        self.command = command
        self.before = before
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class PendingCommands:
    """All commands without a result, oldest first."""

    def __init__(self) -> None:
        self._pending: list[PendingCommand] = []

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, command: PlayerCommand, snapshot: Snapshot) -> PendingCommand:
        """Add a command that is about to be sent."""
        pending = PendingCommand(command, find(snapshot, command.player))
        self._pending.append(pending)
        return pending

    def remove(self, pending: PendingCommand) -> None:
        """Remove a command that no caller waits for."""
        if pending in self._pending:
            self._pending.remove(pending)
        if not pending.answered.cancel() and not pending.answered.cancelled():
            pending.answered.exception()  # mark as retrieved

    def show(self, snapshot: Snapshot, now: Seconds) -> None:
        """Resolve the commands whose effect is visible; `now` is CLOCK_MONOTONIC."""
        for pending in list(self._pending):
            after = find(snapshot, pending.command.player)
            if has_effect(type(pending.command), pending.before, after, now):
                self._resolve(pending, None)

    def refuse(self, problem: Problem) -> bool:
        """Assign an error to the most likely command; return `False` if there is none."""
        if not self._pending:
            return False
        likely = self._pending
        if isinstance(problem, UnknownPlayer):
            likely = [each for each in likely if each.before is None] or likely
        self._resolve(likely[0], problem)
        return True

    def give_up(self, problem: Problem) -> None:
        """Fail all pending commands."""
        for pending in list(self._pending):
            self._resolve(pending, problem)

    def _resolve(self, pending: PendingCommand, problem: Problem | None) -> None:
        self._pending.remove(pending)
        if pending.answered.done():
            return
        if problem is None:
            pending.answered.set_result(None)
        else:
            pending.answered.set_exception(problem)


def find(snapshot: Snapshot, player: PlayerId) -> Player | None:
    """Return the player with this id."""
    return next((each for each in snapshot.players if each.id == player), None)


def has_effect(
    command: type[PlayerCommand], before: Player | None, after: Player | None, now: Seconds
) -> bool:
    """Return whether a player changed as the command requires; `now` is CLOCK_MONOTONIC."""
    if before is None:
        return False
    if after is None:
        return command is Stop
    if command in (PlayPause, Stop) and before.playing != after.playing:
        return True
    if command is PlayPause:
        return False
    return _track(before) != _track(after) or _jumped(before, after, now)


def _track(player: Player) -> tuple[object, ...]:
    return (player.title, player.artist, player.album, player.duration)


def _jumped(before: Player, after: Player, now: Seconds) -> bool:
    if before.position is None or after.position is None:
        return (before.position is None) != (after.position is None)
    expected = before.position.reached(now, before.duration)
    return abs(after.position.reached(now, after.duration) - expected) > JUMP
