"""Access rights: the scopes of a user, and the grant that a verified token gives."""

from enum import StrEnum
from typing import NewType

from msgspec import Struct

from deskwire.model.units import Seconds

LoginId = NewType("LoginId", str)
"""One login of one user on one client; ending it ends every token issued for it."""


class Scope(StrEnum):
    """A right that a user may have."""

    MONITOR = "monitor"
    """See the desk's readings."""
    CONTROL = "control"
    """Send commands."""
    POWER = "power"
    """Suspend, hibernate, restart and power off."""


ALL_SCOPES = frozenset(Scope)


class Grant(Struct, frozen=True):
    """Rights and deadline of a verified token."""

    user: str
    login: LoginId
    token: str
    """The token's own identity (`jti`)."""
    scopes: frozenset[Scope]
    deadline: Seconds
    """Time on CLOCK_BOOTTIME at which the token expires."""


class ConnectedClient(Struct, frozen=True):
    """A client with an authenticated socket."""

    login: LoginId
    address: str
    since: Seconds
    """Wall clock."""
