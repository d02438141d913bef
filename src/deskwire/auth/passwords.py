"""Hashing passwords: Argon2id (RFC 9106) with OWASP's 19 MiB, two passes, one lane.

It happens in one thread of its own, at a low priority, with a bounded number of jobs that wait: a
hundred log-ins at once cost the person at the screen nothing but a queue, and never more than
one hash's memory.
"""

import asyncio
import base64
import ctypes
import os
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import argon2

from deskwire.model.problems import Throttled
from deskwire.model.units import Seconds

T = TypeVar("T")

MEMORY_KIB = 19456
PASSES = 2
MOST_WAITING = 64
RETRY_AFTER = Seconds(3.0)
"""About what a full queue takes."""
NICENESS = 5
M_MMAP_THRESHOLD = -3
"""mallopt(3)."""

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""None that looks like another."""
GROUPS, GROUP = 4, 5


def generate_password() -> str:
    """Return a random password that is easy to read and type: `k7mqx-…`, 99 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))


class Passwords:
    """Hashes passwords and compares them, off the event loop."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, most_waiting: int = MOST_WAITING) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=PASSES, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16
        )
        self._nobodys = make_dummy_hash(self._hasher)
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix="passwords", initializer=lower_thread_priority
        )
        self._most = most_waiting
        self._waiting = 0

    async def hash(self, password: bytes) -> str:
        """Return the password hashed and encoded, with its salt and parameters in it.

        Raises `Throttled` when too many wait already.
        """
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, encoded: str | None, password: bytes) -> bool:
        """Tell whether this is the password; `None`, nobody's, takes the same time and is not.

        Raises `Throttled` when too many wait already.
        """
        against = encoded or self._nobodys

        def verify() -> bool:
            try:
                return self._hasher.verify(against, password)
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False

        return await self._run(verify) and encoded is not None

    def is_outdated(self, encoded: str) -> bool:
        """Tell whether it was hashed with other parameters than today's."""
        return self._hasher.check_needs_rehash(encoded)

    async def _run(self, job: Callable[[], T]) -> T:
        if self._waiting >= self._most:
            raise Throttled("too many people are logging in at once", RETRY_AFTER)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, job)
        finally:
            self._waiting -= 1


def make_dummy_hash(hasher: argon2.PasswordHasher) -> str:
    """Make what no password hashes to, with the hasher's own parameters."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


def lower_thread_priority() -> None:
    """Yield this thread's processor to the others, and its memory back when a hash is done.

    glibc would keep the 19 MiB after the first hash for ever: it learns from the first big block
    that is freed not to ask the kernel for such (mallopt(3), M_MMAP_THRESHOLD). A fixed threshold
    stops the learning; it costs a hash 13 ms.
    """
    thread = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(
            os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread))
        )
    with suppress(AttributeError):  # not every C library has it
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 20)


MOST_WAITING = 64
RETRY_AFTER = Seconds(3.0)
"""About what a full queue takes."""


class BoundedQueue:
    """A queue for one counter.

    Log-ins take turns from the throttle's check until they are judged, so that many right ones at
    once all pass while many wrong ones at once are throttled as one after another would be. It
    costs nothing: passwords are hashed one at a time anyway.
    """

    def __init__(self, *, most_waiting: int = MOST_WAITING) -> None:
        self._most = most_waiting
        self._waiting = 0
        self._counter = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, and have it; raises `Throttled` when too many wait already."""
        if self._waiting >= self._most:
            raise Throttled("too many people are logging in at once", RETRY_AFTER)
        self._waiting += 1
        try:
            async with self._counter:
                yield
        finally:
            self._waiting -= 1
