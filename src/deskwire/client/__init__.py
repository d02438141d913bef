"""A desk from a program: connect, watch, tap. The reference client of the wire contract.

    async with connect("https://desk.local:8765", "owner", password) as desk:
        async for snapshot in desk:
            print(snapshot.volume)

`deskwire.client.sync` has the same for scripts without an event loop. Imports no more of deskwire
than `model` and `protocol`.
"""

from deskwire.client.authenticator import Keep
from deskwire.client.connection_state import Phase, State
from deskwire.client.credentials import Ask, Login
from deskwire.client.desk import Desk, connect
from deskwire.client.http import Art
from deskwire.client.problems import (
    CertificateChanged,
    ClosedByDesk,
    LoginEnded,
    NotADesk,
    NotConnected,
    RefusedByDesk,
    Unreachable,
    UntrustedCertificate,
)
from deskwire.client.timeouts import Pace
from deskwire.client.trust import CaFile, Pinned, SystemTrust, Trust
from deskwire.model.instant import read_clock
from deskwire.model.problems import (
    NotSupported,
    OutOfScope,
    PlayerError,
    PlayerTimeout,
    Problem,
    Refused,
    Throttled,
    Unavailable,
    UnknownPlayer,
    WrongCredentials,
)
from deskwire.model.readings import Player, PlayerId, Snapshot

__all__ = [
    "Art",
    "Ask",
    "CaFile",
    "CertificateChanged",
    "ClosedByDesk",
    "Desk",
    "Keep",
    "Login",
    "LoginEnded",
    "NotADesk",
    "NotConnected",
    "NotSupported",
    "OutOfScope",
    "Pace",
    "Phase",
    "Pinned",
    "Player",
    "PlayerError",
    "PlayerId",
    "PlayerTimeout",
    "Problem",
    "Refused",
    "RefusedByDesk",
    "Snapshot",
    "State",
    "SystemTrust",
    "Throttled",
    "Trust",
    "Unavailable",
    "UnknownPlayer",
    "Unreachable",
    "UntrustedCertificate",
    "WrongCredentials",
    "connect",
    "read_clock",
]
