"""Close codes of a WebSocket, and the client's next step after each."""

from enum import Enum, IntEnum


class CloseCode(IntEnum):
    """Close codes: 1xxx from RFC 6455 section 7.4, 4xxx from the contract."""

    NORMAL = 1000
    GOING_AWAY = 1001
    """The daemon stops or restarts."""
    PROTOCOL_ERROR = 1002
    UNSUPPORTED = 1003
    """A binary message."""
    ABNORMAL = 1006
    """The connection ended without a close frame; only clients see this code."""
    INVALID_TEXT = 1007
    """Text that is not UTF-8."""
    POLICY = 1008
    """Malformed input, repeatedly."""
    TOO_BIG = 1009
    """A message over 16 KiB."""
    TRY_LATER = 1013
    """Too many open sockets."""
    AUTH_FAILED = 4001
    TOKEN_EXPIRED = 4004


class NextStep(Enum):
    """Next step of a client after a close."""

    STOP = "stop"
    """Nothing: the close was intended."""
    RECONNECT = "reconnect"
    """Connect again after 5 s, with the same token."""
    LOG_IN = "log in"
    """Log in again: the token is no longer accepted."""
    REFRESH = "refresh"
    """Get a new websocket token and connect."""


AFTER_CLOSE = {
    CloseCode.NORMAL: NextStep.STOP,
    CloseCode.GOING_AWAY: NextStep.STOP,
    CloseCode.ABNORMAL: NextStep.RECONNECT,
    CloseCode.AUTH_FAILED: NextStep.LOG_IN,
    CloseCode.TOKEN_EXPIRED: NextStep.REFRESH,
}
"""The table of the contract, protocol.md#close-codes."""


def after_close(code: int) -> NextStep:
    """Return the client's next step; a code outside the contract's table is abnormal."""
    try:
        return AFTER_CLOSE[CloseCode(code)]
    except (KeyError, ValueError):
        return NextStep.RECONNECT
