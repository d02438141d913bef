"""Candidates of the fan-out benchmark: the daemon, a C loop as the floor, and other servers.

A peer is a small program of its own in `peers/` that does the same in the usual way of its library:
who has said something gets the frame at each multiple of the interval. The daemon is the whole
daemon: log-in, tokens, devices, and its own timer.
"""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.cores import SERVER, on
from bench.prepare import BUN, CERTIFICATE, GORILLA, KEY, LOOP, NODE, PEERS, PYTHON
from bench.processes import running, tree
from bench.results import BUILD, ROOT

PORT = 9100
STARTS_WITHIN = 15.0
HELLO = BUILD / "hello.txt"
"""Message with which a client subscribes at another server."""


class ListenAddress(NamedTuple):
    """A server that runs, as the load generator finds it."""

    pids: list[int]
    port: int
    path: str
    texts: Path
    """Messages of the clients, one line each."""


class Asked(NamedTuple):
    """Way in which a server runs."""

    interval: float
    frame: Path
    tls: bool

    @property
    def words(self) -> list[str]:
        """As a peer takes them."""
        return [str(PORT), str(self.interval), str(self.frame)]

    @property
    def certificate(self) -> list[str]:
        """As a peer takes it, with TLS."""
        return [str(CERTIFICATE), str(KEY)] if self.tls else []


class Peer(NamedTuple):
    """A peer: what it is called, what it needs, how it is started."""

    name: str
    need: str
    command: Callable[[Asked], list[str]]


PEER_TABLE = (
    Peer("C, a loop of write(2)", "c", lambda a: [str(LOOP), *a.words, *a.certificate]),
    Peer(
        "Bun, publish",
        "bun",
        lambda a: [str(BUN), str(PEERS / "bun.js"), *a.words, *a.certificate],
    ),
    Peer(
        "Node ws, prepared",
        "node",
        lambda a: [str(NODE), str(PEERS / "ws.mjs"), *a.words, *a.certificate],
    ),
    Peer("Go gorilla, prepared", "go", lambda a: [str(GORILLA), *a.words, *a.certificate]),
    Peer("websockets, broadcast", "python", lambda a: python_peer("websockets_broadcast", a)),
    Peer("Starlette on uvicorn", "python", lambda a: python_peer("starlette_app", a)),
)
FLOOR = PEER_TABLE[0].name
DESKWIRE = "deskwire"


def python_peer(module: str, asked: Asked) -> list[str]:
    """Return the command of a peer in Python."""
    return [str(PYTHON), "-m", f"bench.peers.{module}", *asked.words, *asked.certificate]


@contextmanager
def peer_running(peer: Peer, asked: Asked) -> Iterator[ListenAddress]:
    """Start a peer on the server's core, and wait until it listens."""
    HELLO.write_text("subscribe\n", encoding="ascii")
    with on(SERVER):
        started = running(peer.command(asked), cwd=ROOT)
        program = started.__enter__()
    try:
        wait_for_port(PORT, program)
        yield ListenAddress(tree(program.pid), PORT, "/", HELLO)
    finally:
        started.__exit__(None, None, None)


def wait_for_port(port: int, program: "subprocess.Popen[bytes]") -> None:
    """Wait until something listens there; raises `OSError` if the program ends before."""
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if program.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
