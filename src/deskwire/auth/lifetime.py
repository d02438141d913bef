"""How long until a moment that was written down earlier: which of two clocks is asked.

Whatever is written down with a moment on both clocks and the boot it was written in is judged by
CLOCK_BOOTTIME while that boot lasts: it counts suspend and nobody can set it, so a wall clock set
back lengthens nothing and one set ahead cuts nothing short. After another boot only the wall
clock is left.
"""

from deskwire.model.instant import Instant
from deskwire.model.units import Seconds


def until(moment: Instant, boot: str, *, now: Instant, this_boot: str) -> Seconds:
    """Return the time from `now` until `moment`, written down in `boot`; negative if it is past."""
    if boot == this_boot:
        return Seconds(moment.boot - now.boot)
    return Seconds(moment.wall - now.wall)
