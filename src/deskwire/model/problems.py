"""What can go wrong, each with a code that never changes.

    Problem
    ├── Refused        the peer may not, or asked for what is not there; expected
    └── Unavailable    the desk cannot now; somebody at the desk can mend it

Anything else that is raised is a bug. Absent hardware is a value, not a problem.
"""

from typing import ClassVar

from deskwire.model.units import Seconds


class Problem(Exception):
    """Something that has a name and can be told to the peer."""

    code: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refused(Problem):
    """The peer may not."""


class Unavailable(Problem):
    """The desk cannot, now."""


class Malformed(Refused):
    """The input is not what the contract says: bad JSON, a wrong type, a missing argument."""

    code = "malformed"


class UnknownEvent(Refused):
    """No such event."""

    code = "unknown_event"


class WrongCredentials(Refused):
    """The name or the password is wrong; never said which."""

    code = "wrong_credentials"


class TokenRefused(Refused):
    """Not a token of ours, not for this use, or its login has ended."""

    code = "token_refused"


class TokenExpired(Refused):
    """A genuine token whose time is over."""

    code = "token_expired"


class Throttled(Refused):
    """Too much, too fast."""

    code = "throttled"

    def __init__(self, message: str, retry_after: Seconds) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutOfScope(Refused):
    """The grant does not cover it."""

    code = "forbidden"


class UnknownPlayer(Refused):
    """No such player, or it is gone."""

    code = "unknown_player"


class NotSupported(Refused):
    """This player cannot do that."""

    code = "not_supported"


class PlayerTimeout(Unavailable):
    """The player did not answer in time."""

    code = "player_timeout"


class PlayerError(Unavailable):
    """The player answered with an error."""

    code = "player_error"


class DeviceUnavailable(Unavailable):
    """What a device is read from is not there, or went away: a service, a bus, a library."""

    code = "device_unavailable"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy
        """What a person can do about it: `start pipewire-pulse or pulseaudio`."""


class StateUnavailable(Unavailable):
    """The state directory cannot be read or written."""

    code = "state_unavailable"
