"""Generic netlink: encoding of messages and attributes, and dump requests.

Every request is a dump, which ends with a separate message. A lookup of a family by name would make
the kernel load its module; a list of all families does not.

Source: netlink(7), linux/netlink.h, linux/genetlink.h; all numbers are in native byte order.
"""

import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple, Self

SOL_NETLINK, ADD_MEMBERSHIP = 270, 1  # linux/socket.h, linux/netlink.h
GENERIC = 16  # NETLINK_GENERIC; the socket module has no name for it
CONTROLLER = 16  # GENL_ID_CTRL, and its `notify` group has the same number
NEW_FAMILY, GET_FAMILY = 1, 3
FAMILY_ID, FAMILY_NAME, FAMILY_GROUPS = 1, 2, 7
GROUP_NAME, GROUP_ID = 1, 2

ERROR, DONE = 2, 3
REQUEST, DUMP = 0x1, 0x300
INTERRUPTED = 0x10  # the list changed during the dump and may be incomplete
TYPE_BITS = 0x3FFF  # the two highest bits of an attribute's type are flags
HEADER = struct.Struct("=IHHII")
GENERIC_HEADER = struct.Struct("=BBH")
ATTRIBUTE = struct.Struct("=HH")
NUMBER = struct.Struct("=i")
RECEIVE = 65536
TIMEOUT = 1.0
AGAIN = 2


class Answer(NamedTuple):
    """One netlink message."""

    kind: int
    flags: int
    sequence: int
    payload: bytes


class Family(NamedTuple):
    """A generic netlink family; its numbers change when its module is loaded again."""

    id: int
    groups: dict[str, int]
    """Multicast groups by name."""


def encode_request(family: int, command: int, sequence: int, attributes: bytes = b"") -> bytes:
    """Encode one generic netlink request for a dump."""
    body = GENERIC_HEADER.pack(command, 1, 0) + attributes
    return HEADER.pack(HEADER.size + len(body), family, REQUEST | DUMP, sequence, 0) + body


def encode_attribute(kind: int, payload: bytes) -> bytes:
    """Encode one attribute, padded to four bytes."""
    padding = bytes(-len(payload) % 4)
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(payload), kind) + payload + padding


def decode_messages(received: bytes) -> Iterator[Answer]:
    """Decode the messages of one receive call; stops at a truncated one."""
    at = 0
    while at + HEADER.size <= len(received):
        length, kind, flags, sequence, _ = HEADER.unpack_from(received, at)
        if length < HEADER.size or at + length > len(received):
            return
        yield Answer(kind, flags, sequence, received[at + HEADER.size : at + length])
        at += (length + 3) & ~3


def decode_attributes(payload: bytes) -> dict[int, bytes]:
    """Decode attributes; stops at a truncated one. The last one of a kind counts."""
    found: dict[int, bytes] = {}
    at = 0
    while at + ATTRIBUTE.size <= len(payload):
        length, kind = ATTRIBUTE.unpack_from(payload, at)
        if length < ATTRIBUTE.size or at + length > len(payload):
            break
        found[kind & TYPE_BITS] = payload[at + ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def decode_text(payload: bytes) -> str:
    """Return a string attribute without its final zero byte."""
    return payload.partition(b"\0")[0].decode("utf-8", "replace")


def decode_number(payload: bytes) -> int:
    """Return a number attribute of any width."""
    return int.from_bytes(payload, sys.byteorder)


def parse_family(payload: bytes) -> tuple[str, Family]:
    """Return a family's name and the family, from a message of the controller."""
    attributes = decode_attributes(payload[GENERIC_HEADER.size :])
    groups = {}
    for group in decode_attributes(attributes.get(FAMILY_GROUPS, b"")).values():
        described = decode_attributes(group)
        groups[decode_text(described.get(GROUP_NAME, b""))] = decode_number(
            described.get(GROUP_ID, b"")
        )
    name = decode_text(attributes.get(FAMILY_NAME, b""))
    return name, Family(decode_number(attributes.get(FAMILY_ID, b"")), groups)


class NetlinkSocket:
    """Socket for requests to the kernel; blocks, so use it in a thread."""

    def __init__(self) -> None:
        self._socket = open_socket()
        self._socket.settimeout(TIMEOUT)
        self._sequence = 0

    def dump(self, family: int, command: int, attributes: bytes = b"") -> list[bytes]:
        """Return the payloads of all replies; raises `OSError` with the kernel's error."""
        found, whole = self._dump(family, command, attributes)
        for _ in range(AGAIN):
            if not whole:
                found, whole = self._dump(family, command, attributes)
        return found

    def _dump(self, family: int, command: int, attributes: bytes) -> tuple[list[bytes], bool]:
        self._sequence += 1
        self._socket.send(encode_request(family, command, self._sequence, attributes))
        found: list[bytes] = []
        whole = True
        while True:
            for answer in decode_messages(self._socket.recv(RECEIVE)):
                if answer.sequence != self._sequence:
                    continue
                whole = whole and not answer.flags & INTERRUPTED
                if answer.kind in {ERROR, DONE}:
                    raise_for(answer.payload)
                    return found, whole
                found.append(answer.payload)

    def family(self, name: str) -> Family | None:
        """Return the family with this name, or `None` if the kernel has not loaded it."""
        return dict(map(parse_family, self.dump(CONTROLLER, GET_FAMILY))).get(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._socket.close()


def raise_for(payload: bytes) -> None:
    """Raise the `OSError` in an ERROR or DONE message, if there is one."""
    number = NUMBER.unpack_from(payload)[0] if len(payload) >= NUMBER.size else 0
    if number < 0:
        raise OSError(-number, os.strerror(-number))


def open_socket() -> socket.socket:
    """Open a generic netlink socket; the kernel chooses its address."""
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, GENERIC)
    try:
        opened.bind((0, 0))
    except OSError:
        opened.close()
        raise
    return opened


def join(listening: socket.socket, group: int) -> None:
    """Join a multicast group; joining twice has no further effect."""
    listening.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
