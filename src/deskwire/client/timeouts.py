"""How long a client waits for each thing; the contract's 5 s is one of them.

Spans are seconds of CLOCK_BOOTTIME: a laptop's sleep counts.
"""

from msgspec import Struct

from deskwire.model.units import Seconds


class Pace(Struct, frozen=True, kw_only=True):
    """Every span of a client in one place; the defaults are what a person expects."""

    first: Seconds = Seconds(5)
    """Before connecting again after an abnormal close; doubled from try to try."""
    longest: Seconds = Seconds(60)
    """No wait between two tries is longer, give or take a quarter."""
    restart: Seconds = Seconds(1)
    """Before connecting again to a daemon that said it goes away: mostly it starts anew."""
    later: Seconds = Seconds(30)
    """Before connecting again to a desk that has too many sockets."""
    steady: Seconds = Seconds(5)
    """A connection that lived this long was a good one: the next waits begin anew."""
    believed: Seconds = Seconds(60)
    """A login that was believed this long may be replaced once more when it is no longer."""
    quiet: Seconds = Seconds(10)
    """Silence after which the desk is asked whether it is there."""
    answer: Seconds = Seconds(5)
    """How long it may take to answer that."""
    gone: Seconds = Seconds(60)
    """Silence after which nobody is asked: this machine slept, the desk has given up on it."""
    opening: Seconds = Seconds(10)
    """For one request, and for a socket from its opening to its first `stats`."""
    seen: Seconds = Seconds(1.5)
    """How long a command waits to be seen or refused; the desk gives a player 1 s."""
    farewell: Seconds = Seconds(1)
    """For the last words of a socket, and for logging out."""
