"""The extended protocol `deskwire.v1`: negotiation, subscriptions, answers, and the same over HTTP.

A server without it passes the clauses about the base protocol, and these are not checked.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from deskwire.conformance.check_context import Account, CheckContext
from deskwire.conformance.clause import Clause, Schedule, Topic
from deskwire.conformance.conversation import UNKNOWN_PLAYER
from deskwire.conformance.http import bearer
from deskwire.conformance.outcome import Broken, NotChecked, expect, short
from deskwire.conformance.socket import Message, Socket
from deskwire.conformance.token_forgery import decode_token

NAME = "deskwire.v1"
HEADER = "Sec-WebSocket-Protocol"
WELCOME = {
    "protocol": int,
    "server": str,
    "desk": dict,
    "user": str,
    "scopes": list,
    "expires_at": str,
    "topics": list,
    "commands": list,
}
COMMAND = {"name": str, "scope": str, "meaning": str, "arguments": dict}
MOVING = ("cpu", "memory", "network", "uptime", "wifi", "battery", "volume")
"""Topics without values that depend on the time of sending."""
QUIET = 1.5
CHANGES_WITHIN = 2.5
"""Seconds in which the uptime changes, in whole seconds and read each second."""
SLOW = 2.0
"""Interval in seconds, longer than that of a desk."""
RATE_SENT = 45


async def negotiated(context: CheckContext) -> str:
    """The upgrade names `deskwire.v1` if the client offers it, and else no subprotocol."""
    address = (await context.socket_token()).socket
    for offer, chosen in [("", None), ("other", None), (f"other, {NAME}", NAME)]:
        async with context.connect(address, {HEADER: offer}) as socket:
            found = socket.upgrade.headers.get(HEADER.lower())
        if chosen and found is None:
            raise NotChecked(f"the server does not speak {NAME}")
        expect(found == chosen, f"offered {offer!r}, chosen {found!r}")
    return "only where it is offered"


async def welcomed(context: CheckContext) -> str:
    """The first message is `welcome` with desk, user, scopes, end, topics and commands."""
    async with _open(context) as socket:
        first = _inner(socket)
    _expect_shape(first, WELCOME)
    expect(first["protocol"] == 1, f"protocol {first['protocol']}")
    return f"{len(first['topics'])} topics, {len(first['commands'])} commands"


async def described(context: CheckContext) -> str:
    """Each command in `welcome` has name, scope, meaning and a JSON Schema of its arguments."""
    async with _open(context) as socket:
        commands = _inner(socket)["commands"]
    for command in commands:
        _expect_shape(command, COMMAND)
    return f"{len(commands)} commands"


async def quiet(context: CheckContext) -> str:
    """Nothing is sent before the first `subscribe`."""
    async with _open(context) as socket:
        await socket.ended(within=QUIET)
        expect(socket.count == 1, f"also {short(socket.received[-1].text)}")
    return "only welcome"


async def complete(context: CheckContext) -> str:
    """The first `readings` has exactly the subscribed topics, `null` for absent hardware."""
    async with _open(context) as socket:
        topics = _inner(socket)["topics"]
        for wanted in (topics, topics[:1]):
            readings = await _subscribe(socket, wanted)
            expect(set(readings) == set(wanted), f"{short(sorted(readings))} for {short(wanted)}")
    return f"{len(topics)} topics"


async def changed_only(context: CheckContext) -> str:
    """Later `readings` have changed topics only."""
    async with _open(context) as socket:
        wanted = [each for each in MOVING if each in _inner(socket)["topics"]]
        known = await _subscribe(socket, wanted)
        since = socket.count
        await socket.ended(within=2 * QUIET)
        later = [each.args[0] for each in socket.received[since:] if each.event == "readings"]
    expect(len(later) > 1, f"{len(later)} within {2 * QUIET:g} s")
    for at, readings in enumerate(later):
        same = [topic for topic in readings if readings[topic] == known.get(topic, ...)]
        # the first readings may already have a change that the other clients get a moment later
        expect(not same or at == 0, f"also {', '.join(same)}, which did not change")
        known |= readings
    return f"{len(later)} of them"


async def paced(context: CheckContext) -> str:
    """A polled topic is not sent more often than the interval of the subscription."""
    async with _open(context) as socket:
        answer = await _ask(socket, "subscribe", {"topics": ["uptime"], "interval": SLOW})
        await socket.ended(within=2.5 * SLOW)
        times = [each.at for each in socket.received if each.event == "readings"]
    expect(answer["args"] == [{"interval": SLOW}], f"answered {short(answer['args'])}")
    expect(len(times) > 2, f"{len(times)} readings in {2.5 * SLOW:g} s")
    least = min(after - before for before, after in pairwise(times[1:]))
    expect(least >= SLOW * 0.9, f"after {least:.1f} s")
    return f"{least:.1f} s at least"


async def replaced(context: CheckContext) -> str:
    """A new `subscribe` replaces the topics, and an empty list ends the subscription."""
    async with _open(context) as socket:
        await _subscribe(socket, ["uptime", "cpu"])
        readings = await _subscribe(socket, ["uptime"])
        expect(set(readings) == {"uptime"}, f"still {short(sorted(readings))}")
        await _ask(socket, "subscribe", {"topics": []})
        since = socket.count
        await socket.ended(within=CHANGES_WITHIN)
        expect(socket.count == since, f"still {short(socket.received[-1].text)}")
    return "uptime, then nothing"


async def unknown_topic(context: CheckContext) -> str:
    """An unknown topic gets `unknown_topic`, and the subscription stays as it was."""
    async with _open(context) as socket:
        await _subscribe(socket, ["uptime"])
        await _refused(socket, "unknown_topic", "subscribe", {"topics": ["uptime", "no-topic"]})
        await socket.event("readings", since=socket.count)
    return "unknown_topic, and readings"


async def answered(context: CheckContext) -> str:
    """A message with an `id` gets one answer with it, and one without gets no `result`."""
    async with _open(context) as socket:
        for number in (0, -(2**53), 2**53):
            await _ask(socket, "subscribe", {"topics": []}, number=number)
        since = socket.count
        socket.say("subscribe", {"topics": []})
        await _ask(socket, "subscribe", {"topics": []})
        answers = [each for each in socket.received[since:] if each.event == "result"]
        expect(len(answers) == 1, f"{len(answers)} answers to one message with an id")
    return "four answers to five messages"


async def failed(context: CheckContext) -> str:
    """A command that fails gets `error` with code, message and event, and its `id`."""
    async with _open(context) as socket:
        name = _player_command(socket)
        await _refused(socket, "unknown_player", name, {"player": UNKNOWN_PLAYER})
        since = socket.count
        socket.say(name, {"player": UNKNOWN_PLAYER})
        message = json.loads((await socket.event("error", since=since)).text)
        expect("id" not in message, f"an id of its own: {short(message)}")
    return f"unknown_player from {name}"


async def base_commands(context: CheckContext) -> str:
    """The base protocol's `audio-*` work, and are answered if they carry an `id`."""
    events = ("audio-play-pause", "audio-next", "audio-previous", "audio-stop")
    async with _open(context) as socket:
        for event in events:
            await _refused(socket, "unknown_player", event, UNKNOWN_PLAYER)
    return "four times unknown_player"


async def malformed(context: CheckContext) -> str:
    """Wrong arguments get `malformed`, and an unknown event gets `unknown_event`."""
    async with _open(context) as socket:
        commands = [each["name"] for each in _inner(socket)["commands"]][:5]
        for name in commands:
            await _refused(socket, "malformed", name, "no object")
        await _refused(socket, "malformed", "subscribe", {"topics": "uptime"})
        await _refused(socket, "unknown_event", "no.command", {})
    return f"{len(commands)} commands"


async def forbidden(context: CheckContext) -> str:
    """A login without `control` is offered no command that needs it, and gets `forbidden`."""
    watcher = context.options.watcher
    if watcher is None:
        raise NotChecked("needs a user with the scope monitor only: give --watcher NAME")
    async with _open(context) as socket:
        name = _player_command(socket)
    async with _open(context, watcher) as socket:
        offered = [each["name"] for each in _inner(socket)["commands"]]
        expect(name not in offered, f"{name} is offered")
        await _refused(socket, "forbidden", name, {"player": UNKNOWN_PLAYER})
        await _refused(socket, "forbidden", "audio-stop", UNKNOWN_PLAYER)
        await _subscribe(socket, ["uptime"])
    return "forbidden, and readings"


async def throttled(context: CheckContext) -> str:
    """Of a burst of commands 20 pass; each other one with an `id` gets `throttled`."""
    async with _open(context) as socket:
        for number in range(RATE_SENT):
            socket.text(_text("audio-stop", [UNKNOWN_PLAYER], number))
        await socket.ended(within=QUIET)
        errors = [json.loads(each.text) for each in socket.received if each.event == "error"]
    codes = [each["args"][0]["code"] for each in errors]
    answers = {each.get("id") for each in errors}
    expect(len(answers) == RATE_SENT, f"{len(answers)} of {RATE_SENT} are answered")
    passed = codes.count("unknown_player")
    expect(20 <= passed < 40, f"{passed} of {RATE_SENT} pass")
    expect(passed + codes.count("throttled") == RATE_SENT, f"also {short(sorted(set(codes)))}")
    return f"{passed} of {RATE_SENT} pass"


async def expiring(context: CheckContext) -> str:
    """`session expiring` carries `expires_at`, the end that `welcome` named."""
    lifetime = decode_token((await context.socket_token()).token).lifetime
    if lifetime > context.options.patience:
        raise NotChecked(f"a token lives {lifetime:g} s, longer than --patience")
    async with _open(context) as socket:
        warning = await socket.event("session expiring", within=lifetime)
        end = _inner(socket)["expires_at"]
    second = warning.args[1] if len(warning.args) == 2 else None
    expect(second == {"expires_at": end}, f"{short(warning.args)}, not {end}")
    return str(end)


async def readings_over_http(context: CheckContext) -> str:
    """`GET /v1/desk?topics=` answers the readings of these topics, and all without it."""
    async with _open(context) as socket:
        topics = set(_inner(socket)["topics"])
    for query, wanted in [("?topics=uptime,cpu", {"uptime", "cpu"}), ("", topics)]:
        body = await _get(context, f"/v1/desk{query}")
        expect(body["object"] == "readings", f"object {body['object']}")
        expect(set(body["data"]) == wanted, f"{short(sorted(body['data']))} for {query!r}")
    return f"2 topics, and {len(topics)}"


async def commands_over_http(context: CheckContext) -> str:
    """`GET /v1/commands` answers the commands of `welcome`."""
    async with _open(context) as socket:
        commands = _inner(socket)["commands"]
    body = await _get(context, "/v1/commands")
    expect(body["data"] == commands, "other commands than in welcome")
    return f"{len(commands)} commands"


async def errors_over_http(context: CheckContext) -> str:
    """`POST /v1/commands/NAME` answers the code that the socket would send."""
    async with _open(context) as socket:
        name = _player_command(socket)
    headers = bearer(await context.login())
    for path, arguments, status, code in [
        (name, {"player": UNKNOWN_PLAYER}, 404, "unknown_player"),
        (name, {}, 400, "malformed"),
        ("no.command", {}, 404, "unknown_command"),
    ]:
        url = f"/v1/commands/{path}"
        answer = await context.http.ask("POST", url, headers=headers, json=arguments)
        found = answer.error(status)
        expect(found == code, f"{path}: {found}")
    return "three errors"


# ---- helpers -------------------------------------------------------------------------------------


@asynccontextmanager
async def _open(context: CheckContext, person: Account | None = None) -> AsyncIterator[Socket]:
    """Open a socket of `deskwire.v1`; its first message is `welcome`."""
    login = await context.new_login(person) if person else None
    given = await context.socket_token(login)
    async with context.connect(given.socket, {HEADER: NAME}) as socket:
        if socket.upgrade.headers.get(HEADER.lower()) != NAME:
            raise NotChecked(f"the server does not speak {NAME}")
        socket.say("auth", given.token)
        await socket.event("welcome")
        expect(socket.received[0].event == "welcome", f"first {short(socket.received[0].text)}")
        yield socket


def _inner(socket: Socket) -> Any:
    """Return the argument of `welcome`."""
    args = socket.received[0].args
    if len(args) != 1 or not isinstance(args[0], dict):
        raise Broken(f"the argument is no object: {short(socket.received[0].text)}")
    return args[0]


def _player_command(socket: Socket) -> str:
    """Return the name of a command that takes a player only."""
    names = {each.get("name") for each in _inner(socket)["commands"]}
    if "players.stop" not in names:
        raise NotChecked("this desk has no command players.stop")
    return "players.stop"


def _expect_shape(found: Any, shape: Mapping[str, type]) -> None:
    wrong = [key for key, kind in shape.items() if not isinstance(found.get(key), kind)]
    expect(not wrong, f"{', '.join(wrong)} missing or wrong in {short(found)}")


def _text(event: str, args: Iterable[Any], number: int) -> str:
    return json.dumps({"event": event, "args": list(args), "id": number})


async def _ask(socket: Socket, event: str, argument: Any, *, number: int = 7) -> dict[str, Any]:
    """Send a message with an id and return its answer."""
    since = socket.count
    socket.text(_text(event, [argument], number))

    def answers(each: Message) -> bool:
        is_answer = each.event in ("result", "error")
        return is_answer and json.loads(each.text).get("id") == number

    answer = await socket.see(answers, within=3.0, since=since)
    if answer is None:
        raise Broken(f"{event} with the id {number} is not answered")
    return dict(json.loads(answer.text))


async def _refused(socket: Socket, code: str, event: str, argument: Any) -> None:
    """Send a message that gets an `error` with this code."""
    answer = await _ask(socket, event, argument)
    inner = answer["args"][0] if answer["event"] == "error" and answer["args"] else {}
    expect(inner.get("code") == code, f"{event}: {short(answer)} instead of {code}")
    expect(isinstance(inner.get("message"), str), f"no message: {short(answer)}")
    expect(inner.get("event") == event, f"not the event {event}: {short(answer)}")


async def _subscribe(socket: Socket, topics: list[str]) -> dict[str, Any]:
    """Subscribe and return the first readings."""
    since = socket.count
    socket.say("subscribe", {"topics": topics})
    args = (await socket.event("readings", since=since)).args
    if len(args) != 1 or not isinstance(args[0], dict):
        raise Broken(f"the argument of readings is no object: {short(args)}")
    return args[0]


async def _get(context: CheckContext, path: str) -> Any:
    answer = await context.http.ask("GET", path, headers=bearer(await context.login()))
    expect(answer.status == 200, f"{path}: {answer.status} {short(answer.body)}")
    answer.field("object"), answer.field("data")
    return answer.json


PAGE = "deskwire-v1.md"
TOPIC = Topic(
    11,
    "deskwire.v1",
    (
        Clause("11.1", f"{PAGE}#negotiation", negotiated),
        Clause("11.2", f"{PAGE}#welcome", welcomed),
        Clause("11.3", f"{PAGE}#welcome", described),
        Clause("11.4", f"{PAGE}#subscribe", quiet, takes=QUIET),
        Clause("11.5", f"{PAGE}#subscribe", complete),
        Clause("11.6", f"{PAGE}#subscribe", changed_only, takes=2 * QUIET),
        Clause("11.7", f"{PAGE}#subscribe", paced, takes=2.5 * SLOW),
        Clause("11.8", f"{PAGE}#subscribe", replaced, takes=CHANGES_WITHIN),
        Clause("11.9", f"{PAGE}#subscribe", unknown_topic),
        Clause("11.10", f"{PAGE}#messages", answered),
        Clause("11.11", f"{PAGE}#messages", failed),
        Clause("11.12", f"{PAGE}#messages", base_commands),
        Clause("11.13", f"{PAGE}#commands", malformed),
        Clause("11.14", f"{PAGE}#commands", forbidden),
        Clause("11.15", f"{PAGE}#commands", throttled, takes=QUIET),
        Clause(
            "11.16",
            f"{PAGE}#messages",
            expiring,
            order=Schedule.ALONGSIDE,
            needs_whole_session=True,
        ),
        Clause("11.17", f"{PAGE}#http", readings_over_http),
        Clause("11.18", f"{PAGE}#http", commands_over_http),
        Clause("11.19", f"{PAGE}#http", errors_over_http),
    ),
)
