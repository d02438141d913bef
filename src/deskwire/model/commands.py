"""Commands: frozen structs with typed arguments, a name, a scope and a one-line meaning.

The commands of the base protocol are here, because clients need them too. Every other command is
declared in the file of the device that carries it out.
"""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from deskwire.model.access import Scope
from deskwire.model.problems import DeviceUnavailable, Problem, UnknownPlayer
from deskwire.model.readings import PlayerId


class Command(Struct, frozen=True):
    """Base class. The first line of a command's docstring is its meaning in the reference."""

    name: ClassVar[str]
    """Topic and verb: `volume.set`."""
    scope: ClassVar[Scope] = Scope.CONTROL
    """Right that a user needs for it."""

    def unsupported(self) -> Problem:
        """Return the problem of a desk where no device carries out this command."""
        return DeviceUnavailable(f"this desk has no device for {self.name}")


class PlayerCommand(Command, frozen=True):
    """A command to one media player."""

    player: Annotated[PlayerId, Meta(description="Id of the player")]

    def unsupported(self) -> Problem:
        """Return the problem of a desk without this player."""
        return UnknownPlayer(f"unknown player: {self.player}"[:100])


class PlayPause(PlayerCommand, frozen=True):
    """Toggle play and pause."""

    name = "players.play-pause"


class Next(PlayerCommand, frozen=True):
    """Skip to the next track."""

    name = "players.next"


class Previous(PlayerCommand, frozen=True):
    """Go to the previous track."""

    name = "players.previous"


class Stop(PlayerCommand, frozen=True):
    """Stop playback."""

    name = "players.stop"
