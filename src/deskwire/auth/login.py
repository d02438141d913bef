"""One login: a person on a screen, from a log-in until it ends."""

from msgspec import Struct

from deskwire.auth.lifetime import until
from deskwire.model.access import LoginId, Scope
from deskwire.model.instant import Instant
from deskwire.model.units import Seconds


class Login(Struct, frozen=True):
    """Somebody who is logged in."""

    id: LoginId
    user: str
    scopes: frozenset[Scope]
    address: str
    agent: str
    """What the screen calls itself, its User-Agent."""
    created: Seconds
    """Wall clock, as is `expires`."""
    expires: Seconds
    boot: str = ""
    """The boot it began in."""
    boot_expires: Seconds = Seconds(0.0)
    """When it ends on that boot's CLOCK_BOOTTIME."""

    def left(self, now: Instant, this_boot: str) -> Seconds:
        """Return how long it still lasts by itself; nothing or less when its time is over."""
        end = Instant(wall=self.expires, boot=self.boot_expires)
        return until(end, self.boot, now=now, this_boot=this_boot)
