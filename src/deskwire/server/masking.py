"""The one bit of a screen's frames that aiohttp does not look at: MASK, RFC 6455 section 5.1.

A server must close on a frame that is not masked. This walks over frame headers as they come, in
whatever pieces, and keeps no payload.
"""

from collections.abc import Callable
from typing import Any

_EXTENDED = {126: 2, 127: 8}
_KEY = 4


class Masking:
    """Follows one socket's incoming bytes."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._payload = 0

    def holds(self, data: bytes) -> bool:
        """Take what came next; false as soon as a frame is not masked."""
        at, end = 0, len(data)
        while at < end:
            if self._payload:
                step = min(self._payload, end - at)
                self._payload -= step
                at += step
                continue
            self._head.append(data[at])
            at += 1
            if len(self._head) == 2 and not self._head[1] & 0x80:
                return False
            self._finish_head()
        return True

    def _finish_head(self) -> None:
        head = self._head
        if len(head) < 2:
            return
        extended = _EXTENDED.get(head[1] & 0x7F, 0)
        if len(head) < 2 + extended + _KEY:
            return
        if extended:
            self._payload = int.from_bytes(head[2 : 2 + extended], "big")
        else:
            self._payload = head[1] & 0x7F
        self._head = bytearray()


class MaskedOnly:
    """aiohttp's frame parser, fed only while every frame is masked."""

    def __init__(self, parser: Any, unmasked: Callable[[], None]) -> None:
        """`unmasked` is called once, when a frame is not."""
        self._parser = parser
        self._masking = Masking()
        self._unmasked = unmasked

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Pass it on; `(True, rest)` ends the reading."""
        if self._masking.holds(data):
            result: tuple[bool, bytes] = self._parser.feed_data(data)
            return result
        self._unmasked()
        return True, b""

    def feed_eof(self) -> None:
        """Pass the end on."""
        self._parser.feed_eof()
