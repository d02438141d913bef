"""What can go wrong for a screen, beside what the desk itself refuses.

    Problem
    ├── Refused
    │   ├── UntrustedCertificate      nobody we trust vouches for the desk's certificate
    │   │   └── CertificateChanged    it is not the one that was pinned
    │   ├── LoginEnded                logged in, and refused at once
    │   └── RefusedByDesk             a refusal whose code this version does not know
    └── Unavailable
        ├── Unreachable               nothing answers
        ├── NotADesk                  something answers, not as the contract says
        ├── NotConnected              no socket is open now
        └── ClosedByDesk              the desk closed the socket

What the desk says in an `error` event or in the body of an HTTP error becomes the class that has
its code in `model/problems`.
"""

import os

from deskwire.model import problems
from deskwire.model.problems import Problem, Refused, Throttled, Unavailable
from deskwire.model.units import Seconds


class UntrustedCertificate(Refused):
    """Nobody we trust vouches for the desk's certificate."""

    code = "untrusted_certificate"


class CertificateChanged(UntrustedCertificate):
    """The certificate is not the pinned one: it was renewed, or somebody is in between."""

    code = "certificate_changed"

    def __init__(self, address: str, *, pinned: str, seen: str) -> None:
        super().__init__(
            f"{address}: the certificate is not the one that was pinned "
            f"(pinned {pinned}, now {seen})"
        )
        self.pinned = pinned
        self.seen = seen


class LoginEnded(Refused):
    """Logged in with the right password, and refused all the same."""

    code = "login_ended"


class RefusedByDesk(Refused):
    """A refusal whose code this version does not know."""

    code = "refused"

    def __init__(self, given_code: str, message: str) -> None:
        super().__init__(message)
        self.given_code = given_code
        """The code as the desk said it."""


class Unreachable(Unavailable):
    """Nothing answers at this address, or not in time."""

    code = "unreachable"


class NotADesk(Unavailable):
    """Something answers, but not as the contract says."""

    code = "not_a_desk"


class NotConnected(Unavailable):
    """No socket is open now, or it was lost on the way."""

    code = "not_connected"


class ClosedByDesk(Unavailable):
    """The desk closed the socket."""

    code = "closed_by_desk"

    def __init__(self, close_code: int) -> None:
        super().__init__(f"the desk closed the connection with {close_code}")
        self.close_code = close_code


def why_unreachable(problem: OSError) -> str:
    """Return what is known of it: `Connection refused`, `Name or service not known`."""
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
        problems.NotSupported,
        problems.PlayerTimeout,
        problems.PlayerError,
        problems.StateUnavailable,
    )
}


def as_problem(code: str, message: str, retry_after: Seconds | None = None) -> Problem:
    """Return what the desk said as the problem it names; `retry_after` where it said when."""
    if code == Throttled.code:
        return Throttled(message, Seconds(1) if retry_after is None else retry_after)
    kind = _KNOWN.get(code)
    return RefusedByDesk(code, message) if kind is None else kind(message)
