"""WebSocket written by hand, for clients that misbehave: it reads only when the test says so.

Sources: RFC 6455; proc_pid_net(5), tcp.
"""

import base64
import hashlib
import json
import os
import socket
import ssl
import struct
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TIME_WAIT = "06"
"""State of an end that is gone; its port may be in use again."""


class RawSocket:
    """Upgraded connection to a `ws://` or `wss://` address; accepts any certificate.

    `receive_buffer` is the size of the kernel's receive buffer in bytes, 0 for the default.
    """

    def __init__(self, address: str, *, receive_buffer: int = 0) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        port = parts.port or {"ws": 80, "wss": 443}[parts.scheme]
        self.socket = socket.socket()
        self.socket.settimeout(5)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((parts.hostname, port))
        self.port = self.socket.getsockname()[1]
        if parts.scheme == "wss":
            context = trusting_context()
            self.socket = context.wrap_socket(self.socket, server_hostname=parts.hostname)
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key.decode()}\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            received = self.socket.recv(1)
            assert received, head
            head += received
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert base64.b64encode(hashlib.sha1(key + GUID).digest()) in head

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
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
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
        """Read up to the close frame; return its code."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == 0x8:
                return int.from_bytes(payload[:2], "big")

    def reset(self) -> None:
        """Reset the TCP connection."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _read(self, count: int) -> bytes:
        read = b""
        while len(read) < count:
            received = self.socket.recv(count - len(read))
            if not received:
                raise EOFError
            read += received
        return read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def trusting_context() -> ssl.SSLContext:
    """Return a TLS context that accepts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class RemoteEnd(NamedTuple):
    """Remote end of a TCP connection on this machine."""

    unsent: int
    """Bytes that its peer has not acknowledged."""
    held: bool
    """Whether a process has a descriptor of it."""


def remote_end(port: int) -> RemoteEnd:
    """Return the end whose peer is `port` of 127.0.0.1; no process holds one that is gone."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, _, remote, state, queues, _, _, _, _, inode, *_ = line.split()
        if int(remote.partition(":")[2], 16) == port and state != TIME_WAIT:
            return RemoteEnd(int(queues.partition(":")[0], 16), inode != "0")
    return RemoteEnd(0, held=False)
