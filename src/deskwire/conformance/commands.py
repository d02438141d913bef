"""Player commands: effect, refusal and rate limit."""

from collections.abc import Callable
from typing import Any, NamedTuple

from deskwire.conformance import stats_keys as keys
from deskwire.conformance.check_context import CheckContext, read_stats
from deskwire.conformance.clause import Clause, Schedule, Topic
from deskwire.conformance.conversation import UNKNOWN_PLAYER, error_code
from deskwire.conformance.outcome import NotChecked, expect, short
from deskwire.conformance.socket import Message, Socket, message_text, now

COMMANDS = ("audio-play-pause", "audio-next", "audio-previous", "audio-stop")
UNASKED = ("stats", "session expiring")
OBEYS_WITHIN = 3.0
AT_ONCE = 0.6
"""Seconds; the next regular `stats` would come after one."""
BURST = 20
A_SECOND = 10
SENT = 45
BURST_ANSWERED_WITHIN = 0.6
"""Seconds until the last answer to a burst has come."""
PAUSE = 1.2

Players = dict[str, dict[str, Any]]


class ToggleOutcome(NamedTuple):
    """A player whose `playing` was toggled twice."""

    player: str
    slowest: float
    """Longest time from a command to the `stats` that shows its effect, in seconds."""
    answers: list[str]
    """Messages other than `stats`."""
    before: Players
    after: Players
    others: list[str]
    """Other players that changed at the same time."""


class CommandOutcome(NamedTuple):
    """Result of one command."""

    player: Any
    """The player in the expected state; `None` if that state did not appear."""
    refused: str
    """Code of the error; empty if there was none."""
    took: float
    done: bool


async def toggles(context: CheckContext) -> str:
    """`audio-play-pause` toggles `playing` of the player it names, and toggles it back."""
    toggled = await context.once(_toggle)
    was, now_is = (each[toggled.player]["playing"] for each in (toggled.before, toggled.after))
    expect(was == now_is, f"{toggled.player} does not toggle back")
    return f"{toggled.player} there and back, {toggled.slowest * 1000:.0f} ms at most"


async def change_is_immediate(context: CheckContext) -> str:
    """A change is sent when it happens, not with the next regular `stats`."""
    slowest = (await context.once(_toggle)).slowest
    expect(slowest <= AT_ONCE, f"after {slowest * 1000:.0f} ms")
    return f"within {slowest * 1000:.0f} ms"


async def not_answered(context: CheckContext) -> str:
    """A command that succeeds gets no answer; its effect appears in `stats`."""
    answers = (await context.once(_toggle)).answers
    expect(not answers, f"also {short(answers)}")
    return "only stats"


async def no_other(context: CheckContext) -> str:
    """A command changes no other player."""
    toggled = await context.once(_toggle)
    if len(toggled.before) < 2:
        raise NotChecked("only one player on this desk")
    expect(not toggled.others, f"{', '.join(toggled.others)} changed as well")
    return f"{len(toggled.before) - 1} others are unchanged"


async def unknown_player(context: CheckContext) -> str:
    """All four commands for an unknown player get `error` `unknown_player`."""
    async with context.watch() as socket:
        for event in COMMANDS:
            code = await error_code(socket, message_text(event, UNKNOWN_PLAYER))
            expect(code == "unknown_player", f"{event}: error {code}")
    return "four times"


async def fresh_stats(context: CheckContext) -> str:
    """`unknown_player` is followed by fresh `stats`, at once."""
    best = float("inf")
    async with context.watch() as socket:
        for _ in range(2):
            await context.stats(socket)
            await error_code(socket, message_text(COMMANDS[0], UNKNOWN_PLAYER))
            asked, since = now(), socket.count - 1
            await socket.event("stats", within=2.0, since=since)
            best = min(best, now() - asked)
            if best <= AT_ONCE:
                break
    expect(best <= AT_ONCE, f"after {best * 1000:.0f} ms")
    return f"after {best * 1000:.0f} ms"


async def no_similar_player(context: CheckContext) -> str:
    """An id that only resembles a player's id reaches no player."""
    async with context.watch() as socket:
        before = players_in(await context.stats(socket))
        _need(before)
        one = next(iter(before))
        names = {one.upper(), f"{one}0000", one[:-1], "", "*"} - set(before)
        for name in names:
            code = await error_code(socket, message_text(COMMANDS[0], name))
            expect(code == "unknown_player", f"{name!r}: error {code}")
        after = players_in(await context.stats(socket)).get(one, before[one])
    expect(before[one]["playing"] == after["playing"], f"{one} toggled")
    return f"unknown_player, {len(names)} times"


async def throttled(context: CheckContext) -> str:
    """Of a burst of commands 20 pass, then 10 a second; the rest get one `throttled`."""
    async with context.watch() as socket:
        codes = await _burst(socket)
    passed = codes.count("unknown_player")
    expect(passed <= BURST + A_SECOND * (BURST_ANSWERED_WITHIN + 1), f"{passed} of {SENT} pass")
    expect(passed >= BURST, f"only {passed} of {SENT} pass")
    expect(codes.count("throttled") == 1, f"{codes.count('throttled')} times throttled")
    return f"{passed} of {SENT} pass, `throttled` is sent once"


async def not_for_ever(context: CheckContext) -> str:
    """After a pause commands pass again, and the next excess gets `throttled` again."""
    async with context.watch() as socket:
        await _burst(socket)
        await socket.ended(within=PAUSE)
        code = await error_code(socket, message_text(COMMANDS[0], UNKNOWN_PLAYER))
        expect(code == "unknown_player", f"error {code} after a pause")
        codes = await _burst(socket)
    expect(codes.count("throttled") == 1, f"{codes.count('throttled')} times throttled, then")
    return "commands pass again, and `throttled` is sent again"


async def forbidden(context: CheckContext) -> str:
    """A user without the scope `control` gets `error` `forbidden` and still gets `stats`."""
    watcher = context.options.watcher
    if watcher is None:
        raise NotChecked("needs a user with the scope monitor only: give --watcher NAME")
    login = await context.new_login(watcher)
    async with context.watch(await context.socket_token(login)) as socket:
        stats = await context.stats(socket)
        one = next(iter(players_in(stats)), UNKNOWN_PLAYER)
        code = await error_code(socket, message_text(COMMANDS[0], one))
    expect(code == "forbidden", f"error {code}")
    return "stats, and forbidden"


async def skips(context: CheckContext) -> str:
    """`audio-next` and `audio-previous` change the track (with `--disturb`)."""
    async with context.watch() as socket:
        for one, before in await _to_disturb(context, socket):
            after = await _send_command(socket, "audio-next", one, differs(before))
            if after.refused:
                continue
            expect(after.player, f"{one} stays with {short(track(before))}")
            back = await _send_command(socket, "audio-previous", one, differs(after.player))
            expect(back.player, f"{one} does not go back: {short(back.refused)}")
            return f"{short(track(before))}, then {short(track(after.player))}, and back"
    raise NotChecked("every player refuses audio-next")


async def stops(context: CheckContext) -> str:
    """`audio-stop` stops the player (with `--disturb`)."""
    async with context.watch() as socket:
        for one, before in await _to_disturb(context, socket):
            if not before["playing"]:
                continue
            stopped = await _send_command(
                socket, "audio-stop", one, lambda seen: seen is None or not seen["playing"]
            )
            if stopped.refused:
                continue
            expect(stopped.done, f"{one} plays on")
            return f"{one} stopped"
    raise NotChecked("every playing player refuses audio-stop")


# ---- recordings and helpers ----------------------------------------------------------------------


async def _toggle(context: CheckContext) -> ToggleOutcome:
    async with context.watch() as socket:
        first = players_in(await context.stats(socket))
        _need(first)
        for one in sorted(first, key=lambda each: not first[each]["playing"]):
            since = socket.count
            was = first[one]["playing"]
            there = await _send_command(socket, COMMANDS[0], one, plays(not was))
            if there.refused:
                continue
            expect(there.player, f"{one} does not toggle within {OBEYS_WITHIN:g} s")
            back = await _send_command(socket, COMMANDS[0], one, plays(was))
            expect(back.player, f"{one} does not toggle back within {OBEYS_WITHIN:g} s")
            received = socket.received[since:]
            seen = [_players_of(each) for each in received if each.event == "stats"]
            answers = [each.text for each in received if each.event not in UNASKED]
            others = [other for other in first if other != one and _moved(other, first, seen)]
            return ToggleOutcome(one, max(there.took, back.took), answers, first, seen[-1], others)
    raise NotChecked("every player on this desk refuses audio-play-pause")


async def _send_command(
    socket: Socket, event: str, one: str, wanted: Callable[[Any], object]
) -> "CommandOutcome":
    """Send a command; return the player's state afterwards, or the code of the error."""
    since, began = socket.count, now()
    socket.say(event, one)

    def is_answer(received: Message) -> bool:
        if received.event == "error":
            return True
        return received.event == "stats" and bool(wanted(_players_of(received).get(one)))

    received = await socket.see(is_answer, within=OBEYS_WITHIN, since=since)
    if received is None:
        return CommandOutcome(None, "", OBEYS_WITHIN, done=False)
    if received.event == "error":
        return CommandOutcome(
            None, str(received.inner.get("code")), received.at - began, done=False
        )
    return CommandOutcome(_players_of(received).get(one), "", received.at - began, done=True)


async def _to_disturb(context: CheckContext, socket: Socket) -> list[tuple[str, dict[str, Any]]]:
    if not context.options.disturb:
        raise NotChecked("skips a track or stops a player: allowed only with --disturb")
    found = players_in(await context.stats(socket))
    _need(found)
    return list(found.items())


async def _burst(socket: Socket) -> list[str]:
    since = socket.count
    for _ in range(SENT):
        socket.say(COMMANDS[0], UNKNOWN_PLAYER)
    await socket.ended(within=BURST_ANSWERED_WITHIN)
    return [each.inner.get("code") for each in socket.received[since:] if each.event == "error"]


def players_in(stats: dict[str, Any]) -> Players:
    """Return the players in a `stats` object by id."""
    return {player["id"]: player for player in keys.players(stats)}


def _players_of(received: Message) -> Players:
    return players_in(read_stats(received)) if received.event == "stats" else {}


def plays(wanted: bool) -> Callable[[Any], bool]:
    """Return a test for a player whose `playing` is `wanted`."""
    return lambda seen: bool(seen) and seen["playing"] is wanted


def track(seen: Any) -> str:
    """Return title and artist of a player, as text."""
    return f"{seen.get('title')} ({seen.get('artist')})"


def differs(was: Any) -> Callable[[Any], bool]:
    """Return a test for a player with another track than before."""
    return lambda seen: bool(seen) and track(seen) != track(was)


def _moved(other: str, first: Players, seen: list[Players]) -> bool:
    was = first[other]["playing"]
    return any(other in each and each[other]["playing"] != was for each in seen)


def _need(found: Players) -> None:
    if not found:
        raise NotChecked("no player on this desk")


TOPIC = Topic(
    7,
    "commands",
    (
        Clause("7.1", "protocol.md#commands", toggles),
        Clause("7.2", "protocol.md#stats-timing", change_is_immediate),
        Clause("7.3", "protocol.md#command-results", not_answered),
        Clause("7.4", "protocol.md#command-results", no_other),
        Clause("7.5", "protocol.md#error", unknown_player),
        Clause("7.6", "protocol.md#error", fresh_stats),
        Clause("7.7", "protocol.md#command-results", no_similar_player),
        Clause("7.8", "protocol.md#command-rate", throttled, takes=BURST_ANSWERED_WITHIN),
        Clause(
            "7.9", "protocol.md#command-rate", not_for_ever, takes=2 * BURST_ANSWERED_WITHIN + PAUSE
        ),
        Clause("7.10", "protocol.md#error", forbidden),
        Clause("7.11", "protocol.md#commands", skips, order=Schedule.LAST),
        Clause("7.12", "protocol.md#commands", stops, order=Schedule.LAST),
    ),
    reads_desk=True,
)
