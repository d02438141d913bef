"""One login: a person on a screen, from a log-in until it ends; and how it is written down."""

import secrets
import sqlite3
from typing import NamedTuple

from msgspec import Struct

from deskwire.auth.client_network import neighbourhood
from deskwire.auth.lifetime import until
from deskwire.auth.user import User, scopes_of
from deskwire.model.access import LoginId, Scope
from deskwire.model.instant import Instant
from deskwire.model.problems import WrongCredentials
from deskwire.model.units import Seconds

LONGEST_AGENT = 200
LONGEST_ADDRESS = 64
MOST_LOGINS = 1000
"""Of one person; beyond, the oldest ends. A script may log in again and again for a week."""
MOST_ADDRESSES = 32
"""Of one person that are remembered; the latest."""
KEPT = Seconds(86400.0)
"""How long an expired login stays on disk: longer than a socket that it opened last."""

COLUMNS = "id, name, scopes, address, agent, logins.created, expires, boot, boot_expires"


class Login(Struct, frozen=True):
    """Somebody who is logged in."""

    id: LoginId
    user: str
    scopes: frozenset[Scope]
    address: str
    agent: str
    """What the screen calls itself, its User-Agent."""
    created: Seconds
    """Wall clock, as is `expires`."""
    expires: Seconds
    boot: str = ""
    """The boot it began in."""
    boot_expires: Seconds = Seconds(0.0)
    """When it ends on that boot's CLOCK_BOOTTIME."""

    def left(self, now: Instant, this_boot: str) -> Seconds:
        """Return how long it still lasts by itself; nothing or less when its time is over."""
        end = Instant(wall=self.expires, boot=self.boot_expires)
        return until(end, self.boot, now=now, this_boot=this_boot)


def new_login(
    user: User, *, address: str, agent: str, now: Instant, lifetime: Seconds, boot: str
) -> Login:
    """Make a login that begins now."""
    return Login(
        id=LoginId(secrets.token_hex(8)),
        user=user.name,
        scopes=user.scopes,
        address=shown(address, LONGEST_ADDRESS),
        agent=shown(agent, LONGEST_AGENT),
        created=now.wall,
        expires=Seconds(now.wall + lifetime),
        boot=boot,
        boot_expires=Seconds(now.boot + lifetime),
    )


def shown(text: str, most: int) -> str:
    """Cut a peer's text, and make it fit to be shown on a terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:most]
    )


class LetGo(NamedTuple):
    """What was deleted because it is old, or more than is kept."""

    logins: frozenset[LoginId]
    neighbourhoods: frozenset[str]


def insert(connection: sqlite3.Connection, login: Login, generation: str, now: Instant) -> LetGo:
    """Write a login down, and let go of what is old.

    Raises `WrongCredentials` if the password it came from is no longer the user's.
    """
    row = connection.execute(
        "SELECT generation FROM users WHERE name = ?", (login.user,)
    ).fetchone()
    if row is None or row[0] != generation:
        raise WrongCredentials("the name or the password is wrong")
    connection.execute(
        "INSERT INTO logins VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            login.id,
            login.user,
            login.address,
            login.agent,
            login.created,
            login.expires,
            login.boot,
            login.boot_expires,
        ),
    )
    connection.execute(  # what is the newest already is not written again
        "INSERT OR REPLACE INTO known_addresses SELECT :user, :network WHERE :network IS NOT"
        " (SELECT neighbourhood FROM known_addresses WHERE user = :user"
        " ORDER BY rowid DESC LIMIT 1)",
        {"user": login.user, "network": neighbourhood(login.address)},
    )
    return let_go(connection, login, now)


def let_go(connection: sqlite3.Connection, login: Login, now: Instant) -> LetGo:
    """Delete what expired a while ago, and of this user what is beyond the bounds."""
    expired = connection.execute(
        "DELETE FROM logins WHERE CASE boot WHEN ? THEN boot_expires < ? ELSE expires < ? END"
        " RETURNING id",
        (login.boot, now.boot - KEPT, now.wall - KEPT),
    ).fetchall()
    too_many, too_far = (
        connection.execute(
            f"DELETE FROM {table} WHERE user = :user AND rowid <="  # noqa: S608 - two names below
            f" (SELECT rowid FROM {table} WHERE user = :user"
            f" ORDER BY rowid DESC LIMIT 1 OFFSET :most)"
            f" RETURNING {column}",
            {"user": login.user, "most": most},
        ).fetchall()
        for table, column, most in (
            ("logins", "id", MOST_LOGINS),
            ("known_addresses", "neighbourhood", MOST_ADDRESSES),
        )
    )
    return LetGo(
        frozenset(LoginId(gone) for (gone,) in expired + too_many),
        frozenset(where for (where,) in too_far),
    )


def delete(connection: sqlite3.Connection, login_id: LoginId) -> bool:
    """End a login; tell whether there was one."""
    if not login_id.isascii():  # whatever was typed; SQLite takes no half surrogate pairs
        return False
    return connection.execute("DELETE FROM logins WHERE id = ?", (login_id,)).rowcount > 0


def all_logins(connection: sqlite3.Connection) -> list[Login]:
    """Read all logins, the oldest first."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM logins JOIN users ON name = user ORDER BY logins.rowid"  # noqa: S608 - a constant
    )
    return [
        Login(LoginId(login_id), name, scopes_of(scopes), *rest)
        for login_id, name, scopes, *rest in rows
    ]


def all_known(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Read who logged in from where before: names in lower case, neighbourhoods."""
    rows = connection.execute("SELECT lower(user), neighbourhood FROM known_addresses")
    return frozenset((user, where) for user, where in rows)
