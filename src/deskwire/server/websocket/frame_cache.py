"""The present snapshot as a WebSocket frame, made once for everyone.

A frame is kept while its revision is current and it is young: players' positions move on between
revisions, so an old frame would tell an old time.
"""

from deskwire.core.store import Store
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import encode
from deskwire.protocol.base.messages import Stats
from deskwire.protocol.websocket.serializer import text_frame

YOUNG = Seconds(0.1)


class FrameCache:
    """Encodes a state's snapshot at most once a revision and a tenth of a second."""

    def __init__(self, state: Store) -> None:
        self._state = state
        self._frame = b""
        self._revision = -1
        self._made = Seconds(0)

    def newest(self, now: Seconds) -> bytes:
        """The whole `stats` frame, header included; `now` is CLOCK_MONOTONIC."""
        fresh = self._revision == self._state.revision and now - self._made < YOUNG
        if not fresh:
            self._frame = text_frame(encode(Stats(self._state.snapshot), now))
            self._revision, self._made = self._state.revision, now
        return self._frame
