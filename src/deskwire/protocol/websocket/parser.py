"""A screen's WebSocket frames, RFC 6455 section 5, turned into messages.

Bytes come in whatever pieces the network makes of them. What is wrong is found at the first byte
that shows it (a length before its payload, a bad sequence of UTF-8 before its message's end), so
that nothing wrong is kept; after it nothing is read.
"""

import codecs
from enum import IntEnum

from msgspec import Struct

from deskwire.protocol.close_codes import CloseCode

_EXTENDED = {126: 2, 127: 8}
_KEY = 4
_LARGEST_CONTROL = 125


class _Opcode(IntEnum):
    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


_OPCODES = {int(opcode): opcode for opcode in _Opcode}


class Text(Struct, frozen=True):
    """A whole text message."""

    text: str


class Binary(Struct, frozen=True):
    """A whole binary message."""

    payload: bytes


class Ping(Struct, frozen=True):
    """To be answered with its payload."""

    payload: bytes


class Pong(Struct, frozen=True):
    """An answer, or a sign of life."""

    payload: bytes


class CloseReceived(Struct, frozen=True):
    """The peer's last word."""

    code: int | None
    reason: str


class ProtocolViolation(Struct, frozen=True):
    """What came is no WebSocket; what to close with."""

    code: CloseCode
    reason: str


Received = Text | Binary | Ping | Pong | CloseReceived | ProtocolViolation


class FrameParser:
    """Incremental parser of one socket; it stops after a close frame or a violation."""

    def __init__(self, largest: int) -> None:
        """`largest` is of a whole message, in bytes."""
        self._largest = largest
        self._head = bytearray()
        self._final = False
        self._opcode = _Opcode.CONTINUATION
        self._key = b""
        self._left = 0
        """Of the payload of the frame that is being read."""
        self._control = bytearray()
        self._message = bytearray()
        self._kind: _Opcode | None = None
        """Of the message that is being read."""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self.ended = False

    def feed(self, data: bytes) -> list[Received]:
        """Take what came next; return what is whole with it."""
        found: list[Received] = []
        at = 0
        try:
            while at < len(data) and not self.ended:
                if self._key:
                    piece = data[at : at + self._left]
                    at += len(piece)
                    self._take(piece)
                else:
                    at = self._read_head(data, at)
                if self._key and not self._left and (message := self._end_frame()) is not None:
                    self.ended = isinstance(message, CloseReceived)
                    found.append(message)
        except _Violation as wrong:
            self.ended = True
            self._message.clear()
            found.append(ProtocolViolation(wrong.code, wrong.reason))
        return found

    def _read_head(self, data: bytes, at: int) -> int:
        """Take what of `data` belongs to a frame's head; return where it goes on."""
        head = self._head
        while at < len(data):
            size = 2 if len(head) < 2 else 2 + _EXTENDED.get(head[1] & 0x7F, 0) + _KEY
            piece = data[at : at + size - len(head)]
            head += piece
            at += len(piece)
            if len(head) == 2:
                self._begin_frame(*head)
            elif len(head) == size:
                self._begin_payload(bytes(head))
                head.clear()
                return at
        return at

    def _begin_frame(self, first: int, second: int) -> None:
        """Judge a head by its first two bytes."""
        opcode = _OPCODES.get(first & 0x0F)
        if first & 0x70 or opcode is None:
            raise _Violation(CloseCode.PROTOCOL_ERROR, "reserved")
        if not second & 0x80:
            raise _Violation(CloseCode.PROTOCOL_ERROR, "unmasked")
        self._opcode, self._final = opcode, bool(first & 0x80)
        if opcode >= _Opcode.CLOSE:
            if not self._final or second & 0x7F > _LARGEST_CONTROL:
                raise _Violation(CloseCode.PROTOCOL_ERROR, "a control frame is small and whole")
        elif (opcode is _Opcode.CONTINUATION) is (self._kind is None):
            raise _Violation(CloseCode.PROTOCOL_ERROR, "a fragment out of its place")

    def _begin_payload(self, head: bytes) -> None:
        length, key = head[2:-_KEY], head[-_KEY:]
        self._left = int.from_bytes(length, "big") if length else head[1] & 0x7F
        self._key = key
        if self._opcode >= _Opcode.CLOSE:
            return
        if self._opcode is not _Opcode.CONTINUATION:
            self._kind = self._opcode
        if len(self._message) + self._left > self._largest:
            raise _Violation(CloseCode.TOO_BIG, "too big")

    def _take(self, piece: bytes) -> None:
        """Take a piece of the payload, masked as it came."""
        turn = len(piece) % _KEY
        plain = unmasked(piece, self._key)
        self._key = self._key[turn:] + self._key[:turn]
        self._left -= len(piece)
        if self._opcode >= _Opcode.CLOSE:
            self._control += plain
            return
        if self._kind is _Opcode.TEXT:
            self._check_text(plain)
        self._message += plain

    def _end_frame(self) -> Received | None:
        """Return what is whole with the end of this frame."""
        self._key = b""
        if self._opcode >= _Opcode.CLOSE:
            payload = bytes(self._control)
            self._control.clear()
            return _control(self._opcode, payload)
        if not self._final:
            return None
        kind, self._kind = self._kind, None
        message, self._message = self._message, bytearray()
        if kind is _Opcode.BINARY:
            return Binary(bytes(message))
        self._check_text(b"", final=True)
        self._utf8.reset()
        return Text(message.decode())

    def _check_text(self, piece: bytes, *, final: bool = False) -> None:
        try:
            self._utf8.decode(piece, final)
        except UnicodeDecodeError:
            raise _Violation(CloseCode.INVALID_TEXT, "not UTF-8") from None


class _Violation(Exception):
    """What a frame is not allowed to be."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def unmasked(piece: bytes, key: bytes) -> bytes:
    """Return a masked piece plain, or a plain one masked; `key` begins at its first byte."""
    size = len(piece)
    mask = (key * (size // _KEY + 1))[:size]
    return (int.from_bytes(piece, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


def may_be_sent(code: int) -> bool:
    """Tell whether a close frame may carry this code (RFC 6455 section 7.4, IANA's registry)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def _control(opcode: _Opcode, payload: bytes) -> Received:
    if opcode is _Opcode.PING:
        return Ping(payload)
    if opcode is _Opcode.PONG:
        return Pong(payload)
    if not payload:
        return CloseReceived(None, "")
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not may_be_sent(code):
        raise _Violation(CloseCode.PROTOCOL_ERROR, "no such close code")
    try:
        return CloseReceived(code, payload[2:].decode())
    except UnicodeDecodeError:
        raise _Violation(CloseCode.INVALID_TEXT, "not UTF-8") from None
