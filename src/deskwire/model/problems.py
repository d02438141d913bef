"""Problems: errors with a stable code that a peer may be told.

    Problem
    ├── Refused        the peer may not, or asked for something unknown; expected
    └── Unavailable    the desk cannot now; the cause is on the desk's side

Any other exception is a bug. Absent hardware is a value, not a problem.
"""

from typing import ClassVar

from deskwire.model.units import Seconds


class Problem(Exception):
    """Base class: an error with a code and a message for the peer."""

    code: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refused(Problem):
    """The peer may not do it."""


class Unavailable(Problem):
    """The desk cannot do it now."""


class Malformed(Refused):
    """The input breaks the contract: bad JSON, a wrong type, a missing argument."""

    code = "malformed"


class UnknownEvent(Refused):
    """The contract has no such event."""

    code = "unknown_event"


class WrongCredentials(Refused):
    """The user name or the password is wrong; the message never tells which."""

    code = "wrong_credentials"


class TokenRefused(Refused):
    """The token is forged, is for another use, or its login has ended."""

    code = "token_refused"


class TokenExpired(Refused):
    """A genuine token after its deadline."""

    code = "token_expired"


class Throttled(Refused):
    """Too many requests."""

    code = "throttled"

    def __init__(self, message: str, retry_after: Seconds) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutOfScope(Refused):
    """The grant lacks the scope, or the policy of the desk refuses it."""

    code = "forbidden"


class UnknownCommand(Refused):
    """The desk has no such command."""

    code = "unknown_command"


class UnknownTopic(Refused):
    """The desk has no such topic."""

    code = "unknown_topic"


class UnknownPlayer(Refused):
    """The desk has no such player, or no longer."""

    code = "unknown_player"


class NotSupported(Refused):
    """The player or the machine cannot do it."""

    code = "not_supported"


class TrackChanged(Refused):
    """The player plays another track than the client named."""

    code = "track_changed"


class PlayerTimeout(Unavailable):
    """The player did not answer in time."""

    code = "player_timeout"


class PlayerError(Unavailable):
    """The player answered with an error."""

    code = "player_error"


class DeviceUnavailable(Unavailable):
    """The source of a device is missing or went away: a service, a bus, a file."""

    code = "device_unavailable"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy
        """Advice for the user: `start pipewire-pulse or pulseaudio`."""


class StateUnavailable(Unavailable):
    """The state directory cannot be read or written."""

    code = "state_unavailable"
