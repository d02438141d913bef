"""Access tokens for scripts: long-lived, named, with chosen scopes, and ended like a login.

A token is `dwt_LOGIN_SECRET`. Its login is a row among all logins, so it is listed, checked and
ended like one. Only the SHA-256 of the token is stored. A secret of 256 random bits needs no slow
hash and no throttle.
"""

import hmac
import re
import secrets
import sqlite3
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from deskwire.auth.logins import Login, insert_row, new_login
from deskwire.auth.users import UnknownUser, User, find_user
from deskwire.model.access import LoginId, Scope
from deskwire.model.instant import Instant
from deskwire.model.problems import OutOfScope, Refused
from deskwire.model.text import printable
from deskwire.model.units import Seconds

PREFIX = "dwt_"
KIND = "token"
TOKEN = re.compile(r"dwt_(?P<login>[0-9a-f]{16})_[A-Za-z0-9_-]{43}", re.ASCII)
NEVER = Seconds(100 * 365 * 86400.0)
"""Lifetime of a token without an end."""
MAX_LABEL = 64


class TokenExists(Refused):
    """The name is in use."""

    code = "token_exists"


class BadTokenName(Refused):
    """The name is not allowed."""

    code = "bad_name"


def login_of(token: str) -> LoginId | None:
    """Return the login that an access token names; `None` for any other text."""
    match = TOKEN.fullmatch(token)
    return LoginId(match["login"]) if match else None


def is_token_of(login: Login, token: str) -> bool:
    """Return whether this is the token of a login, in constant time."""
    return hmac.compare_digest(login.secret, digest(token))


def is_endless(login: Login) -> bool:
    """Return whether a login has no end that a person has set."""
    return login.expires - login.created > NEVER - 1  # the difference of two floats is rounded


def digest(token: str) -> str:
    """Return what is stored of a token."""
    return sha256(token.encode()).hexdigest()


class NewToken(Struct, frozen=True):
    """An access token to create."""

    user: str
    label: str
    scopes: frozenset[Scope]
    lifetime: Seconds = NEVER


def create(connection: sqlite3.Connection, new: NewToken, now: Instant, boot: str) -> str:
    """Insert an access token and return its text, which cannot be read again.

    Raises `UnknownUser`, `OutOfScope` for scopes that the user lacks, `TokenExists` and
    `BadTokenName`.
    """
    label = new.label
    if not label or len(label) > MAX_LABEL or label != printable(label).strip():
        raise BadTokenName(f"a token's name has 1 to {MAX_LABEL} printable characters")
    found = find_user(connection, new.user)
    if found is None:
        raise UnknownUser(f"there is no user {printable(new.user)}")
    user: User = found[0]
    if lacking := sorted(new.scopes - user.scopes):
        raise OutOfScope(f"{user.name} lacks the scope {', '.join(lacking)}")
    if find(connection, label) is not None:
        raise TokenExists(f"there is an access token {label} already")
    login = new_login(user, address="", agent="", now=now, lifetime=new.lifetime, boot=boot)
    token = f"{PREFIX}{login.id}_{secrets.token_urlsafe(32)}"
    login = replace(login, kind=KIND, label=label, scopes=new.scopes, secret=digest(token))
    insert_row(connection, login)
    return token


def find(connection: sqlite3.Connection, label: str) -> LoginId | None:
    """Return the login of the access token with this name."""
    if label != printable(label):  # SQLite takes no lone surrogates
        return None
    row = connection.execute(
        "SELECT id FROM logins WHERE kind = ? AND label = ?", (KIND, label)
    ).fetchone()
    return None if row is None else LoginId(row[0])
