"""Which `stats` are shown where one socket takes over from another: none twice, none gone back.

While both are open the two may race: what the new one says first can be older than what the old
one said last, or the very same frame. Nothing on the wire numbers a frame, but the same reading
is the same text, and two of its numbers never go back on a running desk: its uptime, and the bytes
that passed its network.
"""

from deskwire.model.readings import Snapshot

LOOKED_AT = 3
"""So many frames of a new socket at most; never again is one of it held back."""


class Order:
    """What was shown last."""

    def __init__(self) -> None:
        self._text = ""
        self._shown: Snapshot | None = None
        self._to_look_at = 0

    def take_over(self) -> None:
        """A new socket speaks from now on, without a gap."""
        self._to_look_at = LOOKED_AT

    def admits(self, text: str, snapshot: Snapshot) -> bool:
        """Tell whether this one is shown, and remember it if so; `text` is the whole message."""
        if self._to_look_at:
            self._to_look_at -= 1
            if text == self._text or is_older(snapshot, self._shown):
                return False
            self._to_look_at = 0
        self._text, self._shown = text, snapshot
        return True


def is_older(one: Snapshot, other: Snapshot | None) -> bool:
    """Tell whether `one` was surely taken before `other`, both of the same run of one desk."""
    if other is None:
        return False
    if one.uptime and other.uptime and one.uptime.up != other.uptime.up:
        return one.uptime.up < other.uptime.up
    if one.network and other.network:
        passed = (one.network.received, one.network.sent)
        before = (other.network.received, other.network.sent)
        return passed != before and passed[0] <= before[0] and passed[1] <= before[1]
    return False
