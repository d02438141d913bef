"""A WebSocket by hand, for peers that behave badly: it reads only when told to.

Source: RFC 6455.
"""

import base64
import hashlib
import json
import os
import socket
import ssl
import struct
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class RawSocket:
    """One upgraded connection to a `ws://` or `wss://` address; certificates are not looked at.

    `takes` is how many bytes the kernel may take for it unread; about as many as it likes unless
    said otherwise.
    """

    def __init__(self, address: str, *, takes: int = 0) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        port = parts.port or {"ws": 80, "wss": 443}[parts.scheme]
        self.socket = socket.socket()
        self.socket.settimeout(5)
        if takes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes)
        self.socket.connect((parts.hostname, port))
        self.port = self.socket.getsockname()[1]
        if parts.scheme == "wss":
            trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            trusting.check_hostname = False
            trusting.verify_mode = ssl.CERT_NONE
            self.socket = trusting.wrap_socket(self.socket, server_hostname=parts.hostname)
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key.decode()}\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            got = self.socket.recv(1)
            assert got, answer
            answer += got
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        assert base64.b64encode(hashlib.sha1(key + GUID).digest()) in answer

    def send(self, event: str, *args: str) -> None:
        """Send one event in one masked text frame."""
        self.send_frame(0x1, json.dumps({"event": event, "args": list(args)}).encode())

    def send_frame(self, opcode: int, payload: bytes, *, final: bool = True) -> None:
        """Send one masked frame."""
        first = bytes([(0x80 if final else 0) | opcode])
        if len(payload) < 126:
            length = bytes([0x80 | len(payload)])
        elif len(payload) < 65536:
            length = b"\xfe" + struct.pack("!H", len(payload))
        else:
            length = b"\xff" + struct.pack("!Q", len(payload))
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self.socket.sendall(first + length + mask + masked)

    def read_frame(self) -> tuple[int, bytes]:
        """Read one frame; return its opcode and payload. Raises `EOFError` at the end."""
        opcode = self._read(1)[0] & 0x0F
        length = self._read(1)[0] & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._read(8))
        return opcode, self._read(length)

    def read_close(self) -> int:
        """Read on to the close frame; return its code."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == 0x8:
                code: int = struct.unpack("!H", payload[:2])[0]
                return code

    def drop(self) -> None:
        """Be gone without a word: a reset, as of a machine that lost its mind."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _read(self, count: int) -> bytes:
        read = b""
        while len(read) < count:
            got = self.socket.recv(count - len(read))
            if not got:
                raise EOFError
            read += got
        return read

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()
