"""Token bucket with an injected clock."""

from deskwire.model.units import Seconds


class TokenBucket:
    """Rate limiter that refills `rate` tokens a second and holds at most `burst` tokens."""

    __slots__ = ("_burst", "_level", "_rate", "_updated")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._level = float(burst)
        self._updated: Seconds | None = None

    def take(self, now: Seconds) -> bool:
        """Take one token and return True, or return False if none is left."""
        if self.level(now) < 1:
            return False
        self.add(-1, now)
        return True

    def add(self, tokens: float, now: Seconds) -> None:
        """Add tokens up to the burst, or remove tokens if `tokens` is negative."""
        self._level = min(self._burst, self.level(now) + tokens)

    def wait(self, now: Seconds) -> Seconds:
        """Return the time until a token is available, 0 if one is available now."""
        return Seconds(max(0.0, (1 - self.level(now)) / self._rate))

    def is_full(self, now: Seconds) -> bool:
        """Return whether the bucket holds its burst."""
        return self.level(now) >= self._burst

    def level(self, now: Seconds) -> float:
        """Refill the bucket and return its tokens; `now` must never go back."""
        if self._updated is not None:
            refill = (now - self._updated) * self._rate
            self._level = min(self._burst, self._level + refill)
        self._updated = now
        return self._level
