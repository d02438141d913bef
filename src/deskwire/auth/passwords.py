"""Argon2id password hashing (RFC 9106), and the bounded queue in which logins wait for it.

Parameters are those of OWASP: 19 MiB, two passes, one lane. One thread with a low priority hashes
all passwords. A hundred logins at once cost the desktop a queue and the memory of one hash.
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
NICENESS = 5
M_MMAP_THRESHOLD = -3
"""Parameter of mallopt(3)."""
MMAP_THRESHOLD_BYTES = 1 << 20

QUEUE_LENGTH = 64
RETRY_AFTER = Seconds(3.0)
"""About the time that a full queue takes."""

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits without those that look alike."""
GROUPS, GROUP_LENGTH = 4, 5


def generate_password() -> str:
    """Return a random password that is easy to read and type: `k7mqx-…`, 99 bits."""
    return "-".join(
        "".join(secrets.choice(LETTERS) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS)
    )


class BoundedQueue:
    """Queue of logins that runs one at a time, in order of arrival.

    A login is in its turn from the throttle's check until its password is verified. So concurrent
    attempts are throttled exactly like consecutive ones.
    """

    def __init__(self, *, length: int = QUEUE_LENGTH) -> None:
        self._length = length
        self._queued = 0
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn and hold it; raises `Throttled` if the queue is full."""
        if self._queued >= self._length:
            raise Throttled(f"too many logins at once: {self._length} are waiting", RETRY_AFTER)
        self._queued += 1
        try:
            async with self._lock:
                yield
        finally:
            self._queued -= 1


class Passwords:
    """Hashes and verifies passwords in a thread; the caller bounds how many wait."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=PASSES, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16
        )
        self._dummy_hash = make_dummy_hash(self._hasher)
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix="passwords", initializer=configure_hashing_thread
        )

    async def hash(self, password: bytes) -> str:
        """Return the encoded hash, which contains its salt and parameters."""
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, encoded: str | None, password: bytes) -> bool:
        """Return whether the password has this hash; `None` takes the same time and is False."""
        against = encoded or self._dummy_hash

        def verify() -> bool:
            try:
                return self._hasher.verify(against, password)
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False

        return await self._run(verify) and encoded is not None

    def is_outdated(self, encoded: str) -> bool:
        """Return whether the hash has other parameters than a new one."""
        return self._hasher.check_needs_rehash(encoded)

    async def _run(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)


def make_dummy_hash(hasher: argon2.PasswordHasher) -> str:
    """Return a hash with the parameters of `hasher` that no password has."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


def configure_hashing_thread() -> None:
    """Lower this thread's priority, and return its memory to the kernel after each hash.

    glibc would keep the 19 MiB of the first hash, because it raises its mmap threshold when a large
    block is freed (mallopt(3), M_MMAP_THRESHOLD). A fixed threshold prevents that and costs 13 ms
    a hash.
    """
    thread = threading.get_native_id()
    with suppress(OSError):
        niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread))
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
    with suppress(AttributeError):  # some C libraries have no mallopt
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
