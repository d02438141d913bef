"""How often one may try a password.

    from an address the account logged in from before:   account and address together
    from any other address:                              the address, and the account

Each counts down from 16 tries and gains one each 30 s; whoever finds none left is told when to
come again. So a stranger who hammers an account uses up what strangers have, and its owner, at an
address that logged in before, does not notice.

What is counted lies in a table of fixed size, found by a keyed hash: a flood of names and
addresses can neither make it grow nor push anything out of it. It can only fill it, for strangers.
"""

import math
import secrets
from hashlib import blake2b

from deskwire.auth.identity import client_network
from deskwire.model.instant import Instant
from deskwire.model.problems import Throttled
from deskwire.model.units import Seconds

TRIES = 16
"""A person who mistypes has plenty; nobody has 20."""
EVERY = Seconds(30.0)
CELLS = 4096


class LoginThrottle:
    """Counts tries; no clock, no I/O."""

    def __init__(self, *, salt: bytes | None = None, cells: int = CELLS) -> None:
        salt = salt or secrets.token_bytes(16)
        self._trusted = Table(salt, cells)
        self._addresses = Table(salt, cells)
        self._accounts = Table(salt, cells)

    def check(self, user: str, address: str, known: bool, now: Instant) -> None:
        """Let one try pass and count it, or raise `Throttled`; that costs no further try.

        `known` is whether this account logged in from there before. The try counts as a wrong one
        until `succeeded`, so of many at once no more pass than one after another.
        """
        counted = self._counted(user, address, known)
        wait = max(table.wait(key, now.boot) for table, key in counted)
        if wait > 0:
            raise Throttled("too many wrong passwords", Seconds(math.floor(wait) + 1.0))
        for table, key in counted:
            table.add(key, -1.0, now.boot)

    def succeeded(self, user: str, address: str, known: bool, now: Instant) -> None:
        """Take the try back; at an address that was known the wrong ones before it, too."""
        for table, key in self._counted(user, address, known):
            table.add(key, TRIES if known else 1.0, now.boot)

    def _counted(self, user: str, address: str, known: bool) -> "list[tuple[Table, str]]":
        account, where = user.lower(), client_network(address)
        if known:
            return [(self._trusted, f"{account}\0{where}")]
        return [(self._addresses, where), (self._accounts, account)]


class Table:
    """How many tries are left, under each key's cell."""

    def __init__(self, salt: bytes, cells: int) -> None:
        self._salt = salt
        self._cells = cells
        self._used: dict[int, tuple[float, Seconds]] = {}  # level, and when that was

    def wait(self, key: str, now: Seconds) -> float:
        """Return how many seconds there is no try; nothing or less if there is one."""
        return (1.0 - self._level(self._cell(key), now)) * EVERY

    def add(self, key: str, tries: float, now: Seconds) -> None:
        """Give tries, or take them."""
        cell = self._cell(key)
        level = min(self._level(cell, now) + tries, float(TRIES))
        if level < TRIES:
            self._used[cell] = (level, now)
        else:
            self._used.pop(cell, None)

    def _level(self, cell: int, now: Seconds) -> float:
        level, then = self._used.get(cell, (float(TRIES), now))
        return min(level + (now - then) / EVERY, float(TRIES))

    def _cell(self, key: str) -> int:
        digest = blake2b(key.encode(errors="surrogatepass"), key=self._salt, digest_size=8)
        return int.from_bytes(digest.digest()) % self._cells
