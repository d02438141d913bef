"""ConnectionState of the connection as text: the present state, and what has just happened.

One row for each close code says what it means to the user. The client's state says what the client
does about it.
"""

from deskwire.client.desk_state import ConnectionState, Phase
from deskwire.client.problems import Unreachable
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode, NextStep
from deskwire.terminal.formatting import format_position
from deskwire.tui.spans import Tone, single_line

CLOSED = {
    CloseCode.NORMAL: "the desk ended the connection",
    CloseCode.GOING_AWAY: "the desk is shutting down",
    CloseCode.ABNORMAL: "connection lost",
    CloseCode.TRY_LATER: "the desk has too many clients",
    CloseCode.AUTH_FAILED: "the desk requires a new login",
    CloseCode.TOKEN_EXPIRED: "the session has ended",
}
IN_PROGRESS = {
    NextStep.LOG_IN: "logging in again",
    NextStep.REFRESH: "requesting a new token",
}
DONE = {
    NextStep.LOG_IN: "logged in again",
    NextStep.REFRESH: "reconnected with a new token",
}
READABLE_WAIT = Seconds(0.5)
"""Time that a text must stay to be read."""


def connection_status(state: ConnectionState, now: Seconds) -> tuple[str, Tone]:
    """Return the state as text. `now` is CLOCK_BOOTTIME."""
    match state.phase:
        case Phase.LIVE:
            return f"live{_time_left(state.ends, now)}", Tone.GOOD
        case Phase.EXPIRING:
            return f"renewing the session{_time_left(state.ends, now)}", Tone.WARN
        case Phase.CONNECTING:
            return f"{_activity(state) if state.next else 'connecting'}…", Tone.WARN
        case Phase.WAITING:
            wait = 0.0 if state.retry_at is None else max(state.retry_at - now, 0.0)
            when = f" in {wait:.0f} s" if wait >= READABLE_WAIT else "…"
            return f"{_reason(state)} · {_activity(state)}{when}", Tone.WARN
    return f"ended: {_reason(state)}", Tone.BAD


def notice(before: ConnectionState, after: ConnectionState, wait: Seconds) -> str:
    """Return what has just happened, or "" if the status shows it long enough to be read.

    `wait` is the time until the next attempt.
    """
    match before.phase, after.phase:
        case _, Phase.EXPIRING:
            return "the session ends soon; opening the next one"
        case Phase.EXPIRING, Phase.LIVE:
            return "session renewed without interruption"
        case Phase.CONNECTING, Phase.LIVE:  # never the first time, which is before the display
            return DONE.get(before.next or NextStep.RECONNECT, "reconnected")
        case _, Phase.WAITING if wait < READABLE_WAIT:
            return f"{_reason(after)}; {_activity(after)}"
    return ""


def _activity(state: ConnectionState) -> str:
    return "reconnecting" if state.next is None else IN_PROGRESS.get(state.next, "reconnecting")


def _time_left(ends: Seconds | None, now: Seconds) -> str:
    if ends is None:
        return ""
    return f" · session ends in {format_position(Seconds(max(ends - now, 0.0)))}"


def _reason(state: ConnectionState) -> str:
    if state.close_code is not None:
        try:
            text = CLOSED[CloseCode(state.close_code)]
        except (KeyError, ValueError):
            text = "connection closed"
        return f"{text} ({state.close_code})"
    if isinstance(state.problem, Unreachable):  # its message is long and begins with an address
        return "the desk is unreachable"
    if state.problem is not None:
        return single_line(state.problem.message)
    return CLOSED[CloseCode.NORMAL]
