"""The login token and the WebSocket token: claims, lifetime and forgeries."""

import secrets
import uuid
from urllib.parse import urlsplit

from deskwire.conformance.check_context import CheckContext
from deskwire.conformance.clause import Clause, Topic
from deskwire.conformance.http import Answer, bearer
from deskwire.conformance.outcome import Broken, NotChecked, expect, observed_for, short
from deskwire.conformance.token_forgery import decode_token, forged_tokens

CLAIMS = ("iss", "aud", "sub", "iat", "exp", "jti")


async def shape(context: CheckContext) -> str:
    """`GET /v1/websocket` gets `object`, `data.token` and `data.socket`, and nothing more."""
    answer = await _fetch(context)
    expect(answer.status == 200, f"{answer.status} {short(answer.body)}")
    found = answer.json
    expect(isinstance(found, dict), short(answer.body))
    expect(found.get("object") == "websocket_token", f"object {short(found.get('object'))}")
    token, socket = answer.field("data", "token"), answer.field("data", "socket")
    expect(isinstance(token, str) and isinstance(socket, str), short(answer.body))
    keys = sorted(found) + sorted(found["data"])
    expect(keys == ["data", "object", "socket", "token"], f"keys {keys}")
    return "200, exactly these"


async def address(context: CheckContext) -> str:
    """`socket` is `wss://host:port/v1/monitor/[uuid]/ws`; `ws` only where TLS is off."""
    socket = (await context.socket_token()).socket
    parts = urlsplit(socket)
    scheme = "wss" if context.http.secure else "ws"
    expect(parts.scheme == scheme, f"{parts.scheme} instead of {scheme}: {short(socket)}")
    expect(parts.netloc, f"no host: {short(socket)}")
    _uuid(socket)
    return short(socket)


async def a_new_one_each(context: CheckContext) -> str:
    """Each call mints a new token."""
    tokens = {(await context.socket_token()).token for _ in range(3)}
    expect(len(tokens) == 3, f"{len(tokens)} different tokens from 3 calls")
    return "3 different tokens from 3 calls"


async def one_desk(context: CheckContext) -> str:
    """The uuid is the desk's: the same at every call and for every login."""
    seen = {_uuid((await context.socket_token()).socket) for _ in range(2)}
    seen.add(_uuid((await context.socket_token(await context.new_login())).socket))
    expect(len(seen) == 1, f"{len(seen)} different ones")
    return str(seen.pop())


async def needs_a_bearer(context: CheckContext) -> str:
    """Without a login token in `Authorization: Bearer` it is 401, `WWW-Authenticate: Bearer`."""
    token = await context.login()
    for headers in ({}, {"Authorization": f"Basic {token}"}, {"Authorization": token}):
        _expect_401(await _fetch(context, headers=headers), f"with {short(str([*headers]))}")
    answer = await _fetch(context, path=f"/v1/websocket?token={token}")
    _expect_401(answer, "with the token in the query")
    challenge = answer.headers.get("WWW-Authenticate", "")
    expect(challenge.startswith("Bearer"), f"WWW-Authenticate is {short(challenge)}")
    return "401 four times"


async def forged_logins(context: CheckContext) -> str:
    """A login token that is forged is 401: alg none, another signature, changed claims."""
    count = 0
    for name, token in forged_tokens(await context.login()):
        if token:
            _expect_401(await _fetch(context, headers=bearer(token)), name)
            count += 1
    return f"401 for {count} forgeries"


async def not_the_other(context: CheckContext) -> str:
    """A websocket token is no login token: as a Bearer it is 401."""
    socket_token = await context.socket_token()
    _expect_401(await _fetch(context, headers=bearer(socket_token.token)), "a websocket token")
    return "401"


async def claims(context: CheckContext) -> str:
    """Both tokens carry `iss`, `aud`, `sub`, `iat`, `exp` and `jti`."""
    socket_token = await context.socket_token()
    for name, token in (("login", await context.login()), ("websocket", socket_token.token)):
        missing = [claim for claim in CLAIMS if claim not in decode_token(token).claims]
        expect(not missing, f"the {name} token lacks {', '.join(missing)}")
    return "all of them, in both"


async def audiences(context: CheckContext) -> str:
    """The two tokens are for different audiences."""
    login = decode_token(await context.login()).claims.get("aud")
    websocket = decode_token((await context.socket_token()).token).claims.get("aud")
    expect(login != websocket, f"both {short(login)}")
    return f"{short(login)} and {short(websocket)}"


async def unique(context: CheckContext) -> str:
    """No two tokens have the same `jti`."""
    tokens = [(await context.socket_token()).token for _ in range(2)]
    found = [decode_token(token).claims.get("jti") for token in (await context.login(), *tokens)]
    expect(len(set(map(str, found))) == 3, f"{short(found)}")
    return "three tokens, three of them"


async def lifetime(context: CheckContext) -> str:
    """A websocket token lives 20 minutes (what `--lifetime` says)."""
    seen = decode_token((await context.socket_token()).token).lifetime
    wanted = context.options.lifetime
    expect(abs(seen - wanted) <= 1, f"{seen:g} s instead of {wanted:g} s")
    return f"{seen:g} s"


async def in_the_claims(context: CheckContext) -> str:
    """The desk's uuid is a claim of the websocket token."""
    socket_token = await context.socket_token()
    desk = _uuid(socket_token.socket)
    values = [str(value) for value in decode_token(socket_token.token).claims.values()]
    expect(str(desk) in values, f"no claim is {desk}")
    return "it is there"


async def unknown_login(context: CheckContext) -> str:
    """`POST /v1/logout` without a login token that lives is 401."""
    answer = await context.http.ask("POST", "/v1/logout", headers=bearer(secrets.token_hex(20)))
    return f"401 {answer.error(401)}"


async def _fetch(
    context: CheckContext, *, path: str = "/v1/websocket", headers: dict[str, str] | None = None
) -> Answer:
    if headers is None and "?" not in path:
        headers = bearer(await context.login())
    return await context.http.ask("GET", path, headers=headers)


def _uuid(socket: str) -> uuid.UUID:
    steps = urlsplit(socket).path.split("/")
    if len(steps) < 5 or steps[-4:-2] != ["v1", "monitor"] or steps[-1] != "ws":
        raise Broken(f"another path: {short(socket)}")
    try:
        return uuid.UUID(steps[-2])
    except ValueError:
        raise Broken(f"no uuid: {short(socket)}") from None


def _expect_401(answer: Answer, which: str) -> None:
    if answer.status == 429:
        raise NotChecked("too many requests")
    with observed_for(f"{which}: "):
        answer.error(401)


TOPIC = Topic(
    2,
    "token",
    (
        Clause("2.1", "protocol.md#websocket-token", shape),
        Clause("2.2", "protocol.md#websocket-token, protocol.md#desk-id", address),
        Clause("2.3", "protocol.md#websocket-token", a_new_one_each),
        Clause("2.4", "protocol.md#desk-id", one_desk),
        Clause("2.5", "protocol.md#websocket-token, protocol.md#http-errors", needs_a_bearer),
        Clause("2.6", "protocol.md#tokens", forged_logins),
        Clause("2.7", "protocol.md#tokens", not_the_other),
        Clause("2.8", "protocol.md#tokens", claims),
        Clause("2.9", "protocol.md#tokens", audiences),
        Clause("2.10", "protocol.md#tokens", unique),
        Clause("2.11", "protocol.md#token-lifetime", lifetime),
        Clause("2.12", "protocol.md#desk-id", in_the_claims),
        Clause("2.13", "protocol.md#logout", unknown_login),
    ),
)
