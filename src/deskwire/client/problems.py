"""Problems of a client, in addition to the errors that a desk sends.

    Problem
    ├── Refused
    │   ├── UntrustedCertificate      no trusted authority signed the desk's certificate
    │   │   └── CertificateChanged    it is not the pinned certificate
    │   ├── LoginEnded                a new login was refused at once
    │   └── RefusedByDesk             an error with an unknown code
    └── Unavailable
        ├── Unreachable               no server answers
        ├── NotADesk                  the server does not follow the protocol
        ├── NotConnected              no socket is open now
        └── ClosedByDesk              the desk closed the socket

An `error` event or the body of an HTTP error becomes the class with its code in `model/problems`.
"""

import os

from deskwire.model import problems
from deskwire.model.problems import Problem, Refused, Throttled, Unavailable
from deskwire.model.text import printable
from deskwire.model.units import Seconds

MAX_CODE = 64
MAX_MESSAGE = 500


class UntrustedCertificate(Refused):
    """No trusted authority signed the desk's certificate."""

    code = "untrusted_certificate"


class CertificateChanged(UntrustedCertificate):
    """The certificate is not the pinned one: it was renewed, or the connection is intercepted."""

    code = "certificate_changed"

    def __init__(self, address: str, *, pinned: str, seen: str) -> None:
        super().__init__(
            f"{address}: the certificate is not the pinned one (pinned {pinned}, now {seen})"
        )
        self.pinned = pinned
        self.seen = seen


class LoginEnded(Refused):
    """The desk refused a new login at once."""

    code = "login_ended"


class RefusedByDesk(Refused):
    """An error with a code that this version does not know."""

    code = "refused"

    def __init__(self, given_code: str, message: str) -> None:
        super().__init__(message)
        self.given_code = given_code
        """Code that the desk sent."""


class Unreachable(Unavailable):
    """No server answers at this address, or not in time."""

    code = "unreachable"


class NotADesk(Unavailable):
    """The server does not follow the protocol."""

    code = "not_a_desk"


class NotConnected(Unavailable):
    """No socket is open, or it was lost during a command."""

    code = "not_connected"


class ClosedByDesk(Unavailable):
    """The desk closed the socket."""

    code = "closed_by_desk"

    def __init__(self, close_code: int) -> None:
        super().__init__(f"the desk closed the connection with {close_code}")
        self.close_code = close_code


def why_unreachable(problem: OSError) -> str:
    """Return the reason of an `OSError`: `Connection refused`, `Name or service not known`."""
    number = problem.errno
    if number is not None and number > 0:  # a name that is not found has a negative one
        return os.strerror(number)
    return problem.strerror or "no connection"


_KNOWN: dict[str, type[Problem]] = {
    kind.code: kind
    for kind in (
        problems.Malformed,
        problems.UnknownEvent,
        problems.WrongCredentials,
        problems.TokenRefused,
        problems.TokenExpired,
        problems.OutOfScope,
        problems.UnknownPlayer,
        problems.UnknownTopic,
        problems.UnknownCommand,
        problems.TrackChanged,
        problems.DeviceUnavailable,
        problems.NotSupported,
        problems.PlayerTimeout,
        problems.PlayerError,
        problems.StateUnavailable,
    )
}


def is_known(code: str) -> bool:
    """Return whether an error code has a problem class here."""
    return code in _KNOWN


def problem_of(code: str, message: str, retry_after: Seconds | None = None) -> Problem:
    """Return the problem for an error code; `retry_after` in seconds if the desk sent it.

    Code and message are one line that a terminal can show.
    """
    code, message = printable(code[:MAX_CODE]), printable(message[:MAX_MESSAGE])
    if code == Throttled.code:
        return Throttled(message, Seconds(1) if retry_after is None else retry_after)
    kind = _KNOWN.get(code)
    return RefusedByDesk(code, message) if kind is None else kind(message)
