"""Addresses of sound servers, as in PULSE_SERVER.

Source: PulseAudio's documentation, "Server Strings": words, tried in order; each may begin with a
machine's id in braces. `unix:PATH` or a path alone, `tcp:HOST[:PORT]` (`tcp4:`, `tcp6:`) or a host.
"""

import re
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

PORT = 4713
_MACHINE = re.compile(r"^\{[^}]*\}")
_HOST = re.compile(r"(?:\[(?P<literal>[^]]+)\]|(?P<name>[^:]+))(?::(?P<port>\d{1,5}))?")


class SoundServers(Struct, frozen=True):
    """Addresses to try, and the cookie for them."""

    address: str
    """List of addresses in the syntax of PULSE_SERVER."""
    cookie: Path | None = None
    """Cookie file; a server of the same user on the same machine needs none."""


FindServers = Callable[[], SoundServers]
"""Looks the servers up; may block. Called before each connection, as they may move."""


class Unix(Struct, frozen=True):
    """A socket in the file system."""

    path: str


class Tcp(Struct, frozen=True):
    """A port of a host."""

    host: str
    port: int


def parse_servers(address: str) -> list[Unix | Tcp]:
    """Return the named addresses in order, without invalid ones."""
    found: list[Unix | Tcp] = []
    for word in address.split():
        kind, colon, rest = _MACHINE.sub("", word).partition(":")
        if kind.startswith("/"):
            found.append(Unix(f"{kind}{colon}{rest}"))
        elif kind == "unix":
            found.append(Unix(rest))
        else:
            named = rest if kind in {"tcp", "tcp4", "tcp6"} else f"{kind}{colon}{rest}"
            if host := _HOST.fullmatch(named):
                found.append(Tcp(host["literal"] or host["name"], int(host["port"] or PORT)))
    return found
