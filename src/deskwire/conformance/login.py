"""Login and logout: the first step of the contract, and its errors."""

import asyncio
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from deskwire.conformance.check_context import CheckContext
from deskwire.conformance.clause import Clause, Topic
from deskwire.conformance.http import Answer, bearer
from deskwire.conformance.outcome import Broken, NotChecked, expect, observed_for, short
from deskwire.conformance.socket import End
from deskwire.conformance.token_forgery import decode_token

TRIES, MOST_TRIES = 3, 7
"""Wrong passwords each; more only where a busy machine spoils the time they take."""
MEGABYTE = 1_000_000
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
JSON = {"Content-Type": "application/json"}


async def right_password(context: CheckContext) -> str:
    """The right name and password get 200 and a `login_token` with `token` and `expires_at`."""
    answer = await _right(context)
    expect(answer.status == 200, f"{answer.status} {short(answer.body)}")
    kind = answer.field("object")
    expect(kind == "login_token", f"object {short(kind)}")
    for name in ("token", "expires_at"):
        value = answer.field("data", name)
        expect(isinstance(value, str) and value, f"{name} is {short(value)}")
    return "200, a login_token"


async def is_jwt(context: CheckContext) -> str:
    """The login token is a JWT."""
    header, _ = decode_token(_token(await _right(context)))
    return f"a JWT, {short(header.get('alg'))}"


async def expires_at(context: CheckContext) -> str:
    """`expires_at` is RFC 3339 in UTC, lies ahead, and is when the token itself says it ends."""
    answer = await _right(context)
    text = answer.field("data", "expires_at")
    expect(isinstance(text, str) and RFC3339.fullmatch(text), f"expires_at {short(text)}")
    ends = datetime.fromisoformat(text)
    expect(ends > datetime.now(UTC) - timedelta(days=1), f"{text} is past")
    claimed = decode_token(_token(answer)).claims.get("exp")
    if not isinstance(claimed, int | float):
        raise Broken(f"the token's exp is {short(claimed)}")
    expect(abs(ends.timestamp() - claimed) <= 1, f"{text}, but the token's exp is {claimed}")
    return str(text)


async def wrong_password(context: CheckContext) -> str:
    """A wrong password gets 401 with an error, and `WWW-Authenticate: Bearer`."""
    guesses = await context.once(_guess)
    code = guesses.wrong.error(401)
    challenge = guesses.wrong.headers.get("WWW-Authenticate", "")
    expect(challenge.startswith("Bearer"), f"WWW-Authenticate is {short(challenge)}")
    return f"401 {code}"


async def unknown_user(context: CheckContext) -> str:
    """An unknown user gets the same answer as a wrong password."""
    guesses = await context.once(_guess)
    wrong, unknown = guesses.wrong, guesses.unknown
    expect(unknown.status == wrong.status, f"{unknown.status} instead of {wrong.status}")
    expect(unknown.json == wrong.json, f"{short(unknown.body)} instead of {short(wrong.body)}")
    return f"{unknown.status}, the same body"


async def same_time(context: CheckContext) -> str:
    """An unknown user is answered in the same time as a wrong password."""
    guesses = await context.once(_guess)
    one, other = guesses.wrong_took * 1000, guesses.unknown_took * 1000
    seen = f"{one:.0f} ms for a wrong password, {other:.0f} ms for an unknown user"
    expect(are_alike(guesses.wrong_took, guesses.unknown_took), seen)
    return seen


async def malformed(context: CheckContext) -> str:
    """A log-in that is no JSON, or lacks something, or has it in another type, gets 400."""
    name = context.options.owner.name.encode()
    for body in (b"{", b"[]", b"{}", b'{"username":"%s"}' % name, b'{"username":7,"password":7}'):
        answer = await context.http.ask("POST", "/v1/login", data=body, headers=JSON)
        with observed_for(f"{short(body.decode())} got "):
            answer.error(400)
    return "400 five times"


async def media_type(context: CheckContext) -> str:
    """A log-in that is not `application/json` by its own word gets 415."""
    answer = await context.http.ask(
        "POST", "/v1/login", data=b"{}", headers={"Content-Type": "text/plain"}
    )
    return f"415 {answer.error(415)}"


async def too_large(context: CheckContext) -> str:
    """A log-in of a megabyte gets 413."""
    body = b'{"username":"a","password":"%s"}' % (b"x" * MEGABYTE)
    answer = await context.http.ask("POST", "/v1/login", data=body, headers=JSON)
    return f"413 {answer.error(413)}"


async def wrong_method(context: CheckContext) -> str:
    """Another method than POST gets 405 with an error."""
    return f"405 {(await context.http.ask('GET', '/v1/login')).error(405)}"


async def nowhere(context: CheckContext) -> str:
    """A path where nothing is gets 404 with an error."""
    path = f"/v1/{secrets.token_hex(4)}"
    return f"404 {(await context.http.ask('GET', path)).error(404)}"


async def logged_out(context: CheckContext) -> str:
    """`POST /v1/logout` gets 204, and the login token is not believed any more."""
    ending = await context.once(_log_out)
    expect(ending.answer.status == 204, f"{ending.answer.status} {short(ending.answer.body)}")
    return f"204, then {ending.afterwards.status} {ending.afterwards.error(401)}"


async def its_tokens_end(context: CheckContext) -> str:
    """A log-out ends the websocket tokens it gave: they are closed 4001."""
    end = (await context.once(_log_out)).reconnected
    return await _was_closed(end)


async def its_sockets_end(context: CheckContext) -> str:
    """A log-out closes the sockets it opened with 4001 within a second."""
    ending = await context.once(_log_out)
    return await _was_closed(ending.live)


async def others_stay(context: CheckContext) -> str:
    """A log-out ends no other login of the same person."""
    ending = await context.once(_log_out)
    expect(ending.other_open, "the other login's socket was closed, too")
    expect(ending.other.status == 200, f"the other login then gets {ending.other.status}")
    return "the other login's socket is open, its token believed"


class Guesses(NamedTuple):
    """Wrong passwords, and wrong names."""

    wrong: Answer
    unknown: Answer
    wrong_took: float
    unknown_took: float


class Ending(NamedTuple):
    """A login that was ended while another went on."""

    answer: Answer
    afterwards: Answer
    live: End | None
    reconnected: End | None
    other: Answer
    other_open: bool


async def _right(context: CheckContext) -> Answer:
    async def log_in(context: CheckContext) -> Answer:
        owner = context.options.owner
        return await context.post_login(owner.name, owner.password)

    return await context.once(log_in)


def _token(answer: Answer) -> str:
    return str(answer.field("data", "token"))


async def _guess(context: CheckContext) -> Guesses:
    clock = asyncio.get_running_loop().time
    took: dict[bool, list[float]] = {True: [], False: []}
    answers: dict[bool, Answer] = {}
    for tried in range(MOST_TRIES):
        if tried >= TRIES and are_alike(min(took[True]), min(took[False])):
            break
        for known in (True, False):
            name = context.options.owner.name if known else f"nobody-{secrets.token_hex(3)}"
            began = clock()
            answers[known] = await context.post_login(name, secrets.token_hex(8))
            took[known].append(clock() - began)
            if answers[known].status == 429:
                wait = answers[known].headers.get("Retry-After", "some")
                raise NotChecked(f"too many wrong passwords were tried from here; wait {wait} s")
    return Guesses(answers[True], answers[False], min(took[True]), min(took[False]))


async def _log_out(context: CheckContext) -> Ending:
    login, other = await context.new_login(), await context.new_login()
    socket_token, more = await context.socket_token(login), await context.socket_token(login)
    async with (
        context.watch(socket_token) as live,
        context.watch(await context.socket_token(other)) as beside,
    ):
        answer = await context.http.ask("POST", "/v1/logout", headers=bearer(login))
        end = await live.ended(within=1.0)
        afterwards = await context.http.ask("GET", "/v1/websocket", headers=bearer(login))
        async with context.connect(more.socket) as again:
            again.say("auth", more.token)
            reconnected = await again.ended(within=2.0)
        others = await context.http.ask("GET", "/v1/websocket", headers=bearer(other))
        return Ending(answer, afterwards, end, reconnected, others, beside.end is None)


def are_alike(one: float, other: float) -> bool:
    """OnFinding whether two spans of seconds are the same, as far as a network lets see it."""
    return abs(one - other) <= max(0.015, max(one, other) / 2)


async def _was_closed(end: End | None) -> str:
    expect(end is not None, "the server accepts it, or stays")
    expect(end is not None and end.code == 4001, str(end))
    return str(end)


TOPIC = Topic(
    1,
    "login",
    (
        Clause("1.1", "protocol.md#login", right_password),
        Clause("1.2", "protocol.md#tokens", is_jwt),
        Clause("1.3", "protocol.md#login", expires_at),
        Clause("1.4", "protocol.md#login, protocol.md#http-errors", wrong_password),
        Clause("1.5", "protocol.md#login", unknown_user),
        Clause("1.6", "protocol.md#login", same_time),
        Clause("1.7", "protocol.md#login", malformed),
        Clause("1.8", "protocol.md#login", media_type),
        Clause("1.9", "protocol.md#login", too_large),
        Clause("1.10", "protocol.md#http-errors", wrong_method),
        Clause("1.11", "protocol.md#http-errors", nowhere),
        Clause("1.12", "protocol.md#logout", logged_out),
        Clause("1.13", "protocol.md#logout", its_tokens_end),
        Clause("1.14", "protocol.md#logout, protocol.md#end-of-session", its_sockets_end),
        Clause("1.15", "protocol.md#logout", others_stay),
    ),
)
