"""Login throttle: token buckets for each client and each account.

    address from which the account has logged in before    one bucket for account and address
    another address in the network of such an address      one bucket for account and network
    any other address                                      one for the network, one for the account

Each bucket holds 16 attempts and gets a new one every 30 s. A login without an attempt left is
refused with the time to wait. A stranger who guesses an account's password uses up the attempts of
strangers, and the owner, who comes from a known address, does not notice. A network is an IPv4
address or an IPv6 /64.

The buckets are in tables of a fixed size, addressed by a keyed hash. A flood of names and
addresses cannot make a table grow and cannot displace a bucket. It can only exhaust the attempts
of strangers.
"""

import math
import secrets
from enum import Enum, auto
from hashlib import blake2b

from deskwire.auth.identity import client_address, client_network
from deskwire.model.instant import Instant
from deskwire.model.problems import Throttled
from deskwire.model.units import Seconds
from deskwire.protocol.token_bucket import TokenBucket

MAX_ATTEMPTS = 16
"""Enough for a user who mistypes; below the 20 after which every client must be throttled."""
ATTEMPT_INTERVAL = Seconds(30.0)
TABLE_SIZE = 4096


class Known(Enum):
    """Whether an account has logged in from an address before."""

    ADDRESS = auto()
    NETWORK = auto()
    """Only from other addresses of the same network."""
    NO = auto()


class LoginThrottle:
    """Counts login attempts, without a clock and without I/O."""

    def __init__(self, *, salt: bytes | None = None, table_size: int = TABLE_SIZE) -> None:
        salt = salt or secrets.token_bytes(16)
        self._known = BucketTable(salt, table_size)
        self._addresses = BucketTable(salt, table_size)
        self._accounts = BucketTable(salt, table_size)

    def check(self, user: str, address: str, known: Known, now: Instant) -> None:
        """Count one attempt, or raise `Throttled`, which costs no attempt.

        The attempt counts as a wrong password until `succeeded`, so concurrent attempts cannot
        exceed the limit.
        """
        counted = self._counted(user, address, known)
        wait = max(table.wait(key, now.boot) for table, key in counted)
        if wait > 0:
            raise Throttled("too many wrong passwords", Seconds(math.floor(wait) + 1.0))
        for table, key in counted:
            table.add(key, -1, now.boot)

    def succeeded(self, user: str, address: str, known: Known, now: Instant) -> None:
        """Return the attempt; at a known client forget the wrong passwords before it, too."""
        for table, key in self._counted(user, address, known):
            table.add(key, 1 if known is Known.NO else MAX_ATTEMPTS, now.boot)

    def _counted(self, user: str, address: str, known: Known) -> "list[tuple[BucketTable, str]]":
        account, network = user.lower(), client_network(address)
        if known is Known.NO:
            return [(self._addresses, network), (self._accounts, account)]
        client = client_address(address) if known is Known.ADDRESS else network
        return [(self._known, f"{account}\0{known.name}\0{client}")]


class BucketTable:
    """At most `size` token buckets; keys with the same hash share one."""

    def __init__(self, salt: bytes, size: int) -> None:
        self._salt = salt
        self._size = size
        self._used: dict[int, TokenBucket] = {}  # a full bucket is not stored

    def __len__(self) -> int:
        return len(self._used)

    def wait(self, key: str, now: Seconds) -> Seconds:
        """Return the time until the next attempt, 0 if there is one now."""
        bucket = self._used.get(self._cell(key))
        return Seconds(0.0) if bucket is None else bucket.wait(now)

    def add(self, key: str, attempts: int, now: Seconds) -> None:
        """Add attempts, or remove them if `attempts` is negative."""
        cell = self._cell(key)
        bucket = self._used.get(cell) or TokenBucket(1.0 / ATTEMPT_INTERVAL, MAX_ATTEMPTS)
        bucket.add(attempts, now)
        if bucket.is_full(now):
            self._used.pop(cell, None)
        else:
            self._used[cell] = bucket

    def _cell(self, key: str) -> int:
        digest = blake2b(key.encode(errors="surrogatepass"), key=self._salt, digest_size=8)
        return int.from_bytes(digest.digest()) % self._size
