"""Logging in and out: the contract's first step, and what is said to whoever may not."""

import asyncio
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from deskwire.conformance.check_context import Bench
from deskwire.conformance.clause import Clause, Topic
from deskwire.conformance.http import Answer, bearer
from deskwire.conformance.jwt import look_inside
from deskwire.conformance.socket import End
from deskwire.conformance.verdicts import Broken, NotJudged, expect, short

TRIES, MOST_TRIES = 3, 7
"""Wrong passwords each; more only where a busy machine spoils the time they take."""
MEGABYTE = 1_000_000
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
JSON = {"Content-Type": "application/json"}


async def right_password(bench: Bench) -> str:
    """The right name and password get 200 and a `login_token` with `token` and `expires_at`."""
    answer = await _right(bench)
    expect(answer.status == 200, f"{answer.status} {short(answer.body)}")
    kind = answer.field("object")
    expect(kind == "login_token", f"object {short(kind)}")
    for name in ("token", "expires_at"):
        value = answer.field("data", name)
        expect(isinstance(value, str) and value, f"{name} is {short(value)}")
    return "200, a login_token"


async def is_jwt(bench: Bench) -> str:
    """The login token is a JWT."""
    header, _ = look_inside(_token(await _right(bench)))
    return f"a JWT, {short(header.get('alg'))}"


async def expires_at(bench: Bench) -> str:
    """`expires_at` is RFC 3339 in UTC, lies ahead, and is when the token itself says it ends."""
    answer = await _right(bench)
    text = answer.field("data", "expires_at")
    expect(isinstance(text, str) and RFC3339.fullmatch(text), f"expires_at {short(text)}")
    ends = datetime.fromisoformat(text)
    expect(ends > datetime.now(UTC) - timedelta(days=1), f"{text} is past")
    claimed = look_inside(_token(answer)).claims.get("exp")
    if not isinstance(claimed, int | float):
        raise Broken(f"the token's exp is {short(claimed)}")
    expect(abs(ends.timestamp() - claimed) <= 1, f"{text}, but the token's exp is {claimed}")
    return str(text)


async def wrong_password(bench: Bench) -> str:
    """A wrong password gets 401 with an error, and `WWW-Authenticate: Bearer`."""
    guesses = await bench.once(_guess)
    code = guesses.wrong.error(401)
    challenge = guesses.wrong.headers.get("WWW-Authenticate", "")
    expect(challenge.startswith("Bearer"), f"WWW-Authenticate is {short(challenge)}")
    return f"401 {code}"


async def unknown_user(bench: Bench) -> str:
    """An unknown user gets the same answer as a wrong password."""
    guesses = await bench.once(_guess)
    wrong, unknown = guesses.wrong, guesses.unknown
    expect(unknown.status == wrong.status, f"{unknown.status} instead of {wrong.status}")
    expect(unknown.json == wrong.json, f"{short(unknown.body)} instead of {short(wrong.body)}")
    return f"{unknown.status}, the same body"


async def same_time(bench: Bench) -> str:
    """An unknown user is answered in the same time as a wrong password."""
    guesses = await bench.once(_guess)
    one, other = guesses.wrong_took * 1000, guesses.unknown_took * 1000
    seen = f"{one:.0f} ms for a wrong password, {other:.0f} ms for nobody"
    expect(are_alike(guesses.wrong_took, guesses.unknown_took), seen)
    return seen


async def malformed(bench: Bench) -> str:
    """A log-in that is no JSON, or lacks something, or has it in another type, gets 400."""
    name = bench.terms.owner.name.encode()
    for body in (b"{", b"[]", b"{}", b'{"username":"%s"}' % name, b'{"username":7,"password":7}'):
        answer = await bench.http.ask("POST", "/v1/login", data=body, headers=JSON)
        try:
            answer.error(400)
        except Broken as broken:
            raise Broken(f"{short(body.decode())} got {broken}") from None
    return "400 five times"


async def media_type(bench: Bench) -> str:
    """A log-in that is not `application/json` by its own word gets 415."""
    answer = await bench.http.ask(
        "POST", "/v1/login", data=b"{}", headers={"Content-Type": "text/plain"}
    )
    return f"415 {answer.error(415)}"


async def too_large(bench: Bench) -> str:
    """A log-in of a megabyte gets 413."""
    body = b'{"username":"a","password":"%s"}' % (b"x" * MEGABYTE)
    answer = await bench.http.ask("POST", "/v1/login", data=body, headers=JSON)
    return f"413 {answer.error(413)}"


async def wrong_method(bench: Bench) -> str:
    """Another method than POST gets 405 with an error."""
    return f"405 {(await bench.http.ask('GET', '/v1/login')).error(405)}"


async def nowhere(bench: Bench) -> str:
    """A path where nothing is gets 404 with an error."""
    path = f"/v1/{secrets.token_hex(4)}"
    return f"404 {(await bench.http.ask('GET', path)).error(404)}"


async def logged_out(bench: Bench) -> str:
    """`POST /v1/logout` gets 204, and the login token is not believed any more."""
    ending = await bench.once(_log_out)
    expect(ending.answer.status == 204, f"{ending.answer.status} {short(ending.answer.body)}")
    return f"204, then {ending.afterwards.status} {ending.afterwards.error(401)}"


async def its_tokens_end(bench: Bench) -> str:
    """A log-out ends the websocket tokens it gave: they are closed 4001."""
    end = (await bench.once(_log_out)).reconnected
    return await _was_closed(end)


async def its_sockets_end(bench: Bench) -> str:
    """A log-out closes the sockets it opened with 4001 within a second."""
    ending = await bench.once(_log_out)
    return await _was_closed(ending.live)


async def others_stay(bench: Bench) -> str:
    """A log-out ends no other login of the same person."""
    ending = await bench.once(_log_out)
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


async def _right(bench: Bench) -> Answer:
    async def log_in(bench: Bench) -> Answer:
        owner = bench.terms.owner
        return await bench.post_login(owner.name, owner.password)

    return await bench.once(log_in)


def _token(answer: Answer) -> str:
    return str(answer.field("data", "token"))


async def _guess(bench: Bench) -> Guesses:
    clock = asyncio.get_running_loop().time
    took: dict[bool, list[float]] = {True: [], False: []}
    answers: dict[bool, Answer] = {}
    for tried in range(MOST_TRIES):
        if tried >= TRIES and are_alike(min(took[True]), min(took[False])):
            break
        for known in (True, False):
            name = bench.terms.owner.name if known else f"nobody-{secrets.token_hex(3)}"
            began = clock()
            answers[known] = await bench.post_login(name, secrets.token_hex(8))
            took[known].append(clock() - began)
            if answers[known].status == 429:
                wait = answers[known].headers.get("Retry-After", "some")
                raise NotJudged(f"too many wrong passwords were tried from here; wait {wait} s")
    return Guesses(answers[True], answers[False], min(took[True]), min(took[False]))


async def _log_out(bench: Bench) -> Ending:
    login, other = await bench.new_login(), await bench.new_login()
    ticket, more = await bench.ticket(login), await bench.ticket(login)
    async with bench.watch(ticket) as live, bench.watch(await bench.ticket(other)) as beside:
        answer = await bench.http.ask("POST", "/v1/logout", headers=bearer(login))
        end = await live.ended(within=1.0)
        afterwards = await bench.http.ask("GET", "/v1/websocket", headers=bearer(login))
        async with bench.connect(more.socket) as again:
            again.say("auth", more.token)
            reconnected = await again.ended(within=2.0)
        others = await bench.http.ask("GET", "/v1/websocket", headers=bearer(other))
        return Ending(answer, afterwards, end, reconnected, others, beside.end is None)


def are_alike(one: float, other: float) -> bool:
    """Tell whether two spans of seconds are the same, as far as a network lets see it."""
    return abs(one - other) <= max(0.015, max(one, other) / 2)


async def _was_closed(end: End | None) -> str:
    expect(end is not None, "it is let in, or stays")
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
