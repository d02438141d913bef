"""What a screen may ask of the desk."""

from enum import Enum

from msgspec import Struct

from deskwire.model.readings import PlayerId


class Action(Enum):
    """What to do with a player."""

    PLAY_PAUSE = "play-pause"
    NEXT = "next"
    PREVIOUS = "previous"
    STOP = "stop"


class Command(Struct, frozen=True):
    """One tap: this action, on this player and no other."""

    action: Action
    player: PlayerId
