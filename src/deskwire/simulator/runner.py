"""The mock from its start to a signal."""

import asyncio
import signal
from collections.abc import Callable

from deskwire.simulator.mock import PASSWORD, WATCHER, Mock

Say = Callable[[str], None]
"""Tells the person at the terminal a line."""


def run(mock: Mock, say: Say) -> None:
    """Serve until a signal says stop.

    Raises `OSError` when the address cannot be had, and a `Problem` for a user nobody can be.
    """
    asyncio.run(_live(mock, say))


async def _live(mock: Mock, say: Say) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with mock:
        if mock.fingerprint:
            say(f"certificate SHA-256 {mock.fingerprint}")
        password = mock.password if mock.password == PASSWORD else "(as given)"
        say(f"a mock: the user is {mock.user}, the password: {password}")
        say(f"  {WATCHER}, with the same password, may watch and not control")
        say(f"deskwire is ready at {mock.address}")
        await stop.wait()
