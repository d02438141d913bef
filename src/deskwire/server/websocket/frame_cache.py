"""Cache of the base protocol's `stats` frame, encoded once for all clients.

A frame is valid while its revision is current and it is young. The positions of players move
between two revisions, so an old frame would show an old position.
"""

from deskwire.core.publisher import Update
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import Stats, encode_server_message
from deskwire.protocol.websocket.serializer import text_frame

YOUNG = Seconds(0.1)

TOPICS = Snapshot.__struct_fields__
"""Topics of the base protocol."""


class FrameCache:
    """Encodes readings at most once for each revision and tenth of a second."""

    def __init__(self) -> None:
        self._frame = b""
        self._revision = -1
        self._encoded = Seconds(0)

    def frame(self, update: Update, now: Seconds) -> bytes:
        """Return the whole frame with its header; `now` is CLOCK_MONOTONIC."""
        if update.revision != self._revision or now - self._encoded >= YOUNG:
            self._frame = text_frame(encode_server_message(Stats(Snapshot(**update.readings)), now))
            self._revision, self._encoded = update.revision, now
        return self._frame
