"""Who may do what: the scopes a person has, and the grant a verified token gives."""

from enum import StrEnum
from typing import NewType

from msgspec import Struct

from deskwire.model.units import Seconds

LoginId = NewType("LoginId", str)
"""One login of one person on one screen; ending it ends every token it gave."""


class Scope(StrEnum):
    """One thing a person may be allowed to do."""

    MONITOR = "monitor"
    """See how the desk is."""
    CONTROL = "control"
    """Move it."""


ALL_SCOPES = frozenset(Scope)


class Grant(Struct, frozen=True):
    """What a verified token allows, and until when."""

    user: str
    login: LoginId
    token: str
    """The token's own identity (`jti`)."""
    scopes: frozenset[Scope]
    deadline: Seconds
    """When it ends, on CLOCK_BOOTTIME."""
