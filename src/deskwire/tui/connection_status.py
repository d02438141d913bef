"""How the connection stands, in words: now, and what has just happened to it.

One row a close code: what it means to the person who watches; what the client does about it is in
the state that the library tells.
"""

from deskwire.client.connection_state import Phase, State
from deskwire.client.problems import Unreachable
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode, NextStep
from deskwire.terminal.formatting import format_position
from deskwire.tui.spans import Tone, safe

CLOSED = {
    CloseCode.NORMAL: "the desk ended the connection",
    CloseCode.GOING_AWAY: "the desk goes away",
    CloseCode.ABNORMAL: "connection lost",
    CloseCode.TRY_LATER: "the desk has too many screens",
    CloseCode.AUTH_FAILED: "the desk wants a new login",
    CloseCode.TOKEN_EXPIRED: "the session is over",
}
DOING = {
    NextStep.LOG_IN: "logging in again",
    NextStep.REFRESH: "getting a new token",
}
DONE = {
    NextStep.LOG_IN: "logged in again",
    NextStep.REFRESH: "connected again, with a new token",
}
READ_IN = Seconds(0.5)


def connection_status(state: State, now: Seconds) -> tuple[str, Tone]:
    """Say how it stands at `now`, CLOCK_BOOTTIME."""
    match state.phase:
        case Phase.LIVE:
            return f"live{_left(state.ends, now)}", Tone.GOOD
        case Phase.EXPIRING:
            return f"renewing the session{_left(state.ends, now)}", Tone.WARN
        case Phase.CONNECTING:
            return f"{_doing(state) if state.next else 'connecting'}…", Tone.WARN
        case Phase.WAITING:
            left = 0.0 if state.again is None else max(state.again - now, 0.0)
            when = f" in {left:.0f} s" if left >= READ_IN else "…"
            return f"{_why(state)} · {_doing(state)}{when}", Tone.WARN
    return f"over: {_why(state)}", Tone.BAD


def notice(before: State, after: State, wait: Seconds) -> str:
    """Say what has just happened, or nothing when the status shows it long enough to read.

    `wait` is how long until the next try.
    """
    match before.phase, after.phase:
        case _, Phase.EXPIRING:
            return "the session ends soon; opening the next one"
        case Phase.EXPIRING, Phase.LIVE:
            return "session renewed, without a gap"
        case Phase.CONNECTING, Phase.LIVE:  # the first time was before there was a screen
            return DONE.get(before.next or NextStep.RECONNECT, "connected again")
        case _, Phase.WAITING if wait < READ_IN:
            return f"{_why(after)}; {_doing(after)}"
    return ""


def _doing(state: State) -> str:
    return "reconnecting" if state.next is None else DOING.get(state.next, "reconnecting")


def _left(ends: Seconds | None, now: Seconds) -> str:
    return (
        ""
        if ends is None
        else f" · session ends in {format_position(Seconds(max(ends - now, 0.0)))}"
    )


def _why(state: State) -> str:
    if state.close_code is not None:
        try:
            words = CLOSED[CloseCode(state.close_code)]
        except (KeyError, ValueError):
            words = "the connection was closed"
        return f"{words} ({state.close_code})"
    if isinstance(state.problem, Unreachable):  # its own words begin with an address, and are long
        return "the desk cannot be reached"
    if state.problem is not None:
        return safe(state.problem.message)
    return CLOSED[CloseCode.NORMAL]
