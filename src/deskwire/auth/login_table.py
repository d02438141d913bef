"""Who is logged in, and who was here before: all that is on disk of it at one moment.

It is read whole once. What we change ourselves is changed in a copy of it: to read a thousand
logins again because one more began costs more than that one.
"""

import sqlite3

from msgspec import Struct

from deskwire.auth.client_network import neighbourhood
from deskwire.auth.login import LetGo, Login, all_known, all_logins
from deskwire.model.access import LoginId


class Roll(Struct, frozen=True):
    """What is on disk, at one moment."""

    living: dict[LoginId, Login]
    known: frozenset[tuple[str, str]]
    """Who logged in from where before: names in lower case, neighbourhoods."""

    def with_login(self, login: Login, gone: LetGo) -> "Roll":
        """Return what it is once this login began and what was let go of for it is gone."""
        name = login.user.lower()
        living = {each: of for each, of in self.living.items() if each not in gone.logins}
        known = self.known - {(name, where) for where in gone.neighbourhoods}
        return Roll(living | {login.id: login}, known | {(name, neighbourhood(login.address))})

    def without(self, login_id: LoginId) -> "Roll":
        """Return what it is once this login ended; it need not have been there."""
        living = {each: of for each, of in self.living.items() if each != login_id}
        return Roll(living, self.known)


def read_roll(connection: sqlite3.Connection) -> Roll:
    """Read it."""
    return Roll({login.id: login for login in all_logins(connection)}, all_known(connection))
