"""What systemd is told and what it hands over, where it started us: sd_notify(3), sd_listen_fds(3).

Datagrams to a socket it names and descriptors from 3 on; no library is needed for either. Without
its variables in the environment nothing here does anything.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping
from contextlib import closing

from deskwire.model.units import Seconds

FIRST_DESCRIPTOR = 3
MICROSECONDS = 1_000_000

log = logging.getLogger("deskwire")


class SystemdNotifier:
    """Tells systemd how we are."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog = watchdog_interval(environ)
        """How often `alive` has to be said; `None` where nobody asks."""

    def ready(self) -> None:
        """Say that connections are accepted, also after `reloading`."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """Say that settings are read again."""
        now = time.clock_gettime(time.CLOCK_MONOTONIC)
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={int(now * MICROSECONDS)}")

    def stopping(self) -> None:
        """Say that the end is near."""
        self._tell("STOPPING=1")

    async def keep_alive(self) -> None:
        """Say that the event loop turns, at half of what the watchdog allows; runs for ever."""
        while self.watchdog is not None:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        try:
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as to:
                to.setblocking(False)
                to.sendto(state.encode(), self._address)
        except OSError as problem:
            log.warning("systemd cannot be told: %s", problem.strerror)
            self._address = ""


def watchdog_interval(environ: Mapping[str, str]) -> Seconds | None:
    """Return half of WATCHDOG_USEC, if it is there and meant for this process."""
    given, meant_for = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not given.isdecimal() or int(given) == 0 or meant_for not in {"", str(os.getpid())}:
        return None
    return Seconds(int(given) / MICROSECONDS / 2)


def inherited_sockets(environ: Mapping[str, str]) -> list[socket.socket]:
    """Return the listening sockets systemd hands over; to be called once. None is the usual."""
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal():
        return []
    taken = []
    for number in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count)):
        os.set_inheritable(number, False)
        taken.append(socket.socket(fileno=number))
    return taken
