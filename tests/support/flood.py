"""Flood of connections from one loopback address, as a process of its own.

    python -m tests.support.flood {connect,upgrade} PORT RATE

`connect` opens TCP connections and sends nothing, `upgrade` opens WebSockets over TLS that never
authenticate. `RATE` is the number of new connections a second. Each stays open until the server
closes it. Each second, the process prints the number of connections that have ended.
"""

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from tests.support.raw_socket import trusting_context
from tests.support.waiting import until

SOURCE = "127.0.0.2"
TURN = 0.01
"""Seconds between two groups of connections."""
UPGRADE = (
    b"GET /v1/monitor/flood/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

Kind = Literal["connect", "upgrade"]


class Flood:
    """A running flood."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self._output = b""

    @property
    def closed(self) -> int:
        """Number of connections that have ended so far, at most a second old."""
        assert self._process.poll() is None, "the flood has ended"
        assert self._process.stdout is not None
        self._output += self._process.stdout.read() or b""
        lines = self._output.split(b"\n")[:-1]
        return int(lines[-1]) if lines else 0


@contextmanager
def flood(kind: Kind, port: int, rate: int) -> Iterator[Flood]:
    """Flood a port of this machine; wait until connections have to make way."""
    command = [sys.executable, "-m", "tests.support.flood", kind, str(port), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            running = Flood(process)
            until(lambda: running.closed, within=10, what="the flood fills all places")
            yield running
        finally:
            process.kill()


async def main(kind: str, port: int, rate: int) -> None:
    """Open connections until the process is killed."""
    context = trusting_context() if kind == "upgrade" else None
    loop = asyncio.get_running_loop()
    began = reported = loop.time()
    tasks: set[asyncio.Task[None]] = set()
    opened = 0
    while True:
        now = loop.time()
        for _ in range(min(int((now - began) * rate) - opened, rate)):
            task = asyncio.create_task(hold(port, context))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            opened += 1
        if now - reported >= 1:
            reported = now
            print(opened - len(tasks), flush=True)
        await asyncio.sleep(TURN)


async def hold(port: int, context: ssl.SSLContext | None) -> None:
    """Open one connection and wait until the server closes it."""
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, local_addr=(SOURCE, 0)
        )
        try:
            if context is not None:
                writer.write(UPGRADE)
            await reader.read()
        finally:
            writer.transport.abort()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
