"""How the connection stands, in words: now, and what has just happened to it.

One row a close code: what it means to the person who watches; what the client does about it is in
the state that the library tells.
"""

from deskwire.cli.top.spans import Tone, safe
from deskwire.cli.words import clock
from deskwire.client.state import Phase, State
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode, Next

CLOSED = {
    CloseCode.NORMAL: "the desk ended the connection",
    CloseCode.GOING_AWAY: "the desk goes away",
    CloseCode.ABNORMAL: "connection lost",
    CloseCode.TRY_LATER: "the desk has too many screens",
    CloseCode.AUTH_FAILED: "the desk wants a new login",
    CloseCode.TOKEN_EXPIRED: "the session is over",
}
DOING = {
    Next.LOG_IN: "logging in again",
    Next.REFRESH: "getting a new token",
}


def standing(state: State, now: Seconds) -> tuple[str, Tone]:
    """Say how it stands at `now`, CLOCK_BOOTTIME."""
    match state.phase:
        case Phase.LIVE:
            return f"live{_left(state.ends, now)}", Tone.GOOD
        case Phase.EXPIRING:
            return f"renewing the session{_left(state.ends, now)}", Tone.WARN
        case Phase.CONNECTING:
            return f"{DOING.get(state.next, 'connecting') if state.next else 'connecting'}…", (
                Tone.WARN
            )
        case Phase.WAITING:
            left = 0.0 if state.again is None else max(state.again - now, 0.0)
            doing = DOING.get(state.next, "reconnecting") if state.next else "reconnecting"
            when = f" in {left:.0f} s" if left >= 0.5 else "…"
            return f"{_why(state)} · {doing}{when}", Tone.WARN
    return f"over: {_why(state)}", Tone.BAD


def news(before: State, after: State, wait: Seconds) -> str:
    """Say what has just happened, or nothing worth saying; `wait` is how long until a new try."""
    if after.phase is Phase.EXPIRING:
        return "the session ends soon; opening the next one"
    if after.phase is Phase.LIVE:
        if before.phase is Phase.EXPIRING:
            return "session renewed, without a gap"
        if before.phase is Phase.CONNECTING:
            how = {Next.LOG_IN: "logged in again", Next.REFRESH: "session renewed"}
            back = "connected again" if before.next or before.close_code else ""
            return how.get(before.next, back) if before.next else back
    if after.phase is Phase.WAITING:
        doing = DOING.get(after.next, "reconnecting") if after.next else "reconnecting"
        when = f" in {wait:.0f} s" if wait >= 0.5 else ""
        return f"{_why(after)}; {doing}{when}"
    return ""


def _left(ends: Seconds | None, now: Seconds) -> str:
    return "" if ends is None else f" · session ends in {clock(Seconds(max(ends - now, 0.0)))}"


def _why(state: State) -> str:
    if state.close_code is not None:
        try:
            words = CLOSED[CloseCode(state.close_code)]
        except (KeyError, ValueError):
            words = "the connection was closed"
        return f"{words} ({state.close_code})"
    if state.problem is not None:
        return safe(state.problem.message)
    return CLOSED[CloseCode.NORMAL]
