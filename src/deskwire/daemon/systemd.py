"""systemd notifications and socket activation: sd_notify(3), sd_listen_fds(3).

Both need only datagrams and inherited file descriptors, so no library is used. Without systemd's
environment variables this module does nothing.
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
    """Reports the state of the daemon to systemd."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog = watchdog_interval(environ)
        """Interval of the watchdog message; `None` if systemd does not expect it."""

    def ready(self) -> None:
        """Report that the daemon accepts connections, also after `reloading`."""
        self._notify("READY=1")

    def reloading(self) -> None:
        """Report that the daemon reads its settings again."""
        now = time.clock_gettime(time.CLOCK_MONOTONIC)
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={int(now * MICROSECONDS)}")

    def stopping(self) -> None:
        """Report that the daemon is stopping."""
        self._notify("STOPPING=1")

    async def keep_alive(self) -> None:
        """Report twice in each watchdog period that the event loop runs, until cancelled."""
        while self.watchdog is not None:
            self._notify("WATCHDOG=1")
            await asyncio.sleep(self.watchdog)

    def _notify(self, state: str) -> None:
        if not self._address:
            return
        try:
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
                systemd.setblocking(False)
                systemd.sendto(state.encode(), self._address)
        except OSError as problem:
            log.warning("systemd cannot be notified: %s", problem.strerror)
            self._address = ""


def watchdog_interval(environ: Mapping[str, str]) -> Seconds | None:
    """Return half of WATCHDOG_USEC, if it is set and meant for this process."""
    period, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not period.isdecimal() or int(period) == 0 or process not in {"", str(os.getpid())}:
        return None
    return Seconds(int(period) / MICROSECONDS / 2)


def inherited_sockets(environ: Mapping[str, str]) -> list[socket.socket]:
    """Return the listening sockets that systemd passes on, usually none; call it once."""
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal():
        return []
    sockets = []
    for descriptor in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count)):
        os.set_inheritable(descriptor, False)
        sockets.append(socket.socket(fileno=descriptor))
    return sockets
