"""How much, how fast: a token bucket whose clock is an argument."""

from deskwire.model.units import Seconds


class TokenBucket:
    """`rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._left = float(burst)
        self._seen: Seconds | None = None

    def take(self, now: Seconds) -> bool:
        """Take one, if there is one left; `now` never goes back."""
        if self._seen is not None:
            self._left = min(self._burst, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
