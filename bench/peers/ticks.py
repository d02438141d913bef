"""Shared code of the Python servers: arguments, and the ticks of an interval."""

import asyncio
import ssl
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Asked(NamedTuple):
    """`PORT INTERVAL FRAME [CERTIFICATE KEY]`."""

    port: int
    interval: float
    text: str
    certificate: str = ""
    key: str = ""

    @property
    def context(self) -> ssl.SSLContext | None:
        """For TLS, where a certificate was given."""
        if not self.certificate:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def asked() -> Asked:
    """Read the command line."""
    port, interval, frame, *tls = sys.argv[1:]
    return Asked(int(port), float(interval), Path(frame).read_text(encoding="utf-8"), *tls)


async def next_tick(interval: float) -> None:
    """Wait for the next multiple of `interval` on CLOCK_MONOTONIC."""
    await asyncio.sleep(interval - time.monotonic() % interval)
