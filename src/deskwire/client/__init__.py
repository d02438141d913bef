"""Python client library: connect to a desk, follow its snapshots, send commands.

    async with connect("https://desk.local:8765", "owner", password) as desk:
        async for snapshot in desk:
            print(snapshot.volume)

`deskwire.client.sync` has the same for scripts without an event loop. Imports no more of deskwire
than `model` and `protocol`.
"""

from deskwire.client.authenticator import KeepLogin
from deskwire.client.credentials import AskPassword, Login
from deskwire.client.desk import Desk, connect
from deskwire.client.desk_state import ConnectionState, Phase
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
from deskwire.client.timeouts import Timeouts
from deskwire.client.trust import CaFile, Pinned, SystemTrust, Trust
from deskwire.model.instant import read_clock
from deskwire.model.problems import (
    DeviceUnavailable,
    Malformed,
    NotSupported,
    OutOfScope,
    PlayerError,
    PlayerTimeout,
    Problem,
    Refused,
    Throttled,
    TrackChanged,
    Unavailable,
    UnknownCommand,
    UnknownPlayer,
    UnknownTopic,
    WrongCredentials,
)
from deskwire.model.readings import Player, PlayerId, Snapshot

__all__ = [
    "Art",
    "AskPassword",
    "CaFile",
    "CertificateChanged",
    "ClosedByDesk",
    "ConnectionState",
    "Desk",
    "DeviceUnavailable",
    "KeepLogin",
    "Login",
    "LoginEnded",
    "Malformed",
    "NotADesk",
    "NotConnected",
    "NotSupported",
    "OutOfScope",
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
    "SystemTrust",
    "Throttled",
    "Timeouts",
    "TrackChanged",
    "Trust",
    "Unavailable",
    "UnknownCommand",
    "UnknownPlayer",
    "UnknownTopic",
    "Unreachable",
    "UntrustedCertificate",
    "WrongCredentials",
    "connect",
    "read_clock",
]
