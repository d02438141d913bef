"""What each close code means, and what a client does next: the contract's table, as a table."""

from enum import Enum, IntEnum


class CloseCode(IntEnum):
    """How a socket ended. 1xxx as in RFC 6455 section 7.4, 4xxx ours."""

    NORMAL = 1000
    GOING_AWAY = 1001
    """The daemon stops or starts anew."""
    PROTOCOL_ERROR = 1002
    UNSUPPORTED = 1003
    """A binary message."""
    ABNORMAL = 1006
    """No close frame came; never sent, only seen."""
    INVALID_TEXT = 1007
    """Text that is not UTF-8."""
    POLICY = 1008
    """Malformed input, again and again."""
    TOO_BIG = 1009
    """A message over 16 KiB."""
    TRY_LATER = 1013
    """Too many sockets are open."""
    AUTH_FAILED = 4001
    TOKEN_EXPIRED = 4004


class NextStep(Enum):
    """What a client does after a close."""

    STOP = "stop"
    """Nothing: it was meant."""
    RECONNECT = "reconnect"
    """Connect again after 5 s, with the same token."""
    LOG_IN = "log in"
    """Log in again: the token is no longer believed."""
    REFRESH = "refresh"
    """Fetch a new websocket token and connect."""


AFTER_CLOSE = {
    CloseCode.NORMAL: NextStep.STOP,
    CloseCode.GOING_AWAY: NextStep.STOP,
    CloseCode.ABNORMAL: NextStep.RECONNECT,
    CloseCode.AUTH_FAILED: NextStep.LOG_IN,
    CloseCode.TOKEN_EXPIRED: NextStep.REFRESH,
}


def after_close(code: int) -> NextStep:
    """Tell what a client does after `code`; a code the contract does not name is abnormal."""
    try:
        return AFTER_CLOSE[CloseCode(code)]
    except (KeyError, ValueError):
        return NextStep.RECONNECT
