"""Taps on players: obeyed, refused, and not too many at once."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from deskwire.conformance import stats_keys as keys
from deskwire.conformance.check_context import Bench, read_stats
from deskwire.conformance.clause import Clause, Order, Topic
from deskwire.conformance.conversation import NOBODY, error_code
from deskwire.conformance.socket import Heard, Socket, now
from deskwire.conformance.verdicts import NotJudged, expect, short

COMMANDS = ("audio-play-pause", "audio-next", "audio-previous", "audio-stop")
UNASKED = ("stats", "session expiring")
OBEYS_WITHIN = 3.0
AT_ONCE = 0.6
"""Seconds; the next regular `stats` would come after one."""
BURST = 20
A_SECOND = 10
SENT = 45
SETTLES = 0.6
"""Seconds until the last answer to a burst has come."""
PAUSE = 1.2

Players = dict[str, dict[str, Any]]


class Toggled(NamedTuple):
    """A player that was paused and set going again, or the reverse."""

    player: str
    slowest: float
    """Seconds from a tap to the `stats` that shows it."""
    answers: list[str]
    """What came besides `stats`."""
    before: Players
    after: Players
    others: list[str]
    """Players that changed along."""


class Tapped(NamedTuple):
    """What came of a command."""

    told: Any
    """The player, as it was then wanted; `None` if it was not seen so."""
    refused: str
    """The code of an error; empty if there was none."""
    took: float
    done: bool


async def toggles(bench: Bench) -> str:
    """`audio-play-pause` toggles `playing` of the player it names, and toggles it back."""
    toggled = await bench.once(_toggle)
    was, now_is = (each[toggled.player]["playing"] for each in (toggled.before, toggled.after))
    expect(was == now_is, f"{toggled.player} does not toggle back")
    return f"{toggled.player} there and back, {toggled.slowest * 1000:.0f} ms at most"


async def told_at_once(bench: Bench) -> str:
    """A change is told when it happens, and not only with the next second."""
    slowest = (await bench.once(_toggle)).slowest
    expect(slowest <= AT_ONCE, f"after {slowest * 1000:.0f} ms")
    return f"within {slowest * 1000:.0f} ms"


async def not_answered(bench: Bench) -> str:
    """A command that is obeyed is not answered: its effect is seen in `stats`."""
    answers = (await bench.once(_toggle)).answers
    expect(not answers, f"also {short(answers)}")
    return "only stats"


async def no_other(bench: Bench) -> str:
    """A command moves no other player."""
    toggled = await bench.once(_toggle)
    if len(toggled.before) < 2:
        raise NotJudged("only one player on this desk")
    expect(not toggled.others, f"{', '.join(toggled.others)} moved along")
    return f"{len(toggled.before) - 1} others stay as they are"


async def unknown_player(bench: Bench) -> str:
    """All four commands for a player that is not there get `error` `unknown_player`."""
    async with bench.watch() as socket:
        for event in COMMANDS:
            code = await error_code(socket, json.dumps({"event": event, "args": [NOBODY]}))
            expect(code == "unknown_player", f"{event}: error {code}")
    return "four times"


async def fresh_stats(bench: Bench) -> str:
    """`unknown_player` is followed by fresh `stats`, at once."""
    best = float("inf")
    async with bench.watch() as socket:
        for _ in range(2):
            await bench.stats(socket)
            await error_code(socket, json.dumps({"event": COMMANDS[0], "args": [NOBODY]}))
            asked, since = now(), socket.count - 1
            await socket.event("stats", within=2.0, since=since)
            best = min(best, now() - asked)
            if best <= AT_ONCE:
                break
    expect(best <= AT_ONCE, f"after {best * 1000:.0f} ms")
    return f"after {best * 1000:.0f} ms"


async def no_similar_player(bench: Bench) -> str:
    """An id that is only similar to a player's reaches none."""
    async with bench.watch() as socket:
        before = players_in(await bench.stats(socket))
        _need(before)
        one = next(iter(before))
        names = {one.upper(), f"{one}0000", one[:-1], "", "*"} - set(before)
        for name in names:
            code = await error_code(socket, json.dumps({"event": COMMANDS[0], "args": [name]}))
            expect(code == "unknown_player", f"{name!r}: error {code}")
        after = players_in(await bench.stats(socket)).get(one, before[one])
    expect(before[one]["playing"] == after["playing"], f"{one} toggled")
    return f"unknown_player, {len(names)} times"


async def throttled(bench: Bench) -> str:
    """Of many commands at once 20 pass and then 10 a second; the rest get one `throttled`."""
    async with bench.watch() as socket:
        codes = await _burst(socket)
    passed = codes.count("unknown_player")
    expect(passed <= BURST + A_SECOND * (SETTLES + 1), f"{passed} of {SENT} pass")
    expect(passed >= BURST, f"only {passed} of {SENT} pass")
    expect(codes.count("throttled") == 1, f"{codes.count('throttled')} times throttled")
    return f"{passed} of {SENT} pass, throttled is said once"


async def not_for_ever(bench: Bench) -> str:
    """After a pause commands pass again, and the next excess is said again."""
    async with bench.watch() as socket:
        await _burst(socket)
        await socket.ended(within=PAUSE)
        code = await error_code(socket, json.dumps({"event": COMMANDS[0], "args": [NOBODY]}))
        expect(code == "unknown_player", f"error {code} after a pause")
        codes = await _burst(socket)
    expect(codes.count("throttled") == 1, f"{codes.count('throttled')} times throttled, then")
    return "they pass again, and throttled is said again"


async def forbidden(bench: Bench) -> str:
    """Who may watch and not control gets `error` `forbidden`, and `stats` all the same."""
    watcher = bench.terms.watcher
    if watcher is None:
        raise NotJudged("needs somebody who may only watch: --watcher NAME")
    login = await bench.new_login(watcher)
    async with bench.watch(await bench.ticket(login)) as socket:
        stats = await bench.stats(socket)
        one = next(iter(players_in(stats)), NOBODY)
        code = await error_code(socket, json.dumps({"event": COMMANDS[0], "args": [one]}))
    expect(code == "forbidden", f"error {code}")
    return "stats, and forbidden"


async def skips(bench: Bench) -> str:
    """`audio-next` and `audio-previous` change the track (with `--disturb`)."""
    async with bench.watch() as socket:
        for one, before in await _to_disturb(bench, socket):
            after = await _tap(socket, "audio-next", one, differs(before))
            if after.refused:
                continue
            expect(after.told, f"{one} stays with {short(track(before))}")
            back = await _tap(socket, "audio-previous", one, differs(after.told))
            expect(back.told, f"{one} does not go back: {short(back.refused)}")
            return f"{short(track(before))}, then {short(track(after.told))}, and back"
    raise NotJudged("every player refuses audio-next")


async def stops(bench: Bench) -> str:
    """`audio-stop` stops the player (with `--disturb`)."""
    async with bench.watch() as socket:
        for one, before in await _to_disturb(bench, socket):
            if not before["playing"]:
                continue
            stopped = await _tap(
                socket, "audio-stop", one, lambda told: told is None or not told["playing"]
            )
            if stopped.refused:
                continue
            expect(stopped.done, f"{one} plays on")
            return f"{one} stopped"
    raise NotJudged("no player that plays lets itself be stopped")


# ---- how it is found out -------------------------------------------------------------------------


async def _toggle(bench: Bench) -> Toggled:
    async with bench.watch() as socket:
        first = players_in(await bench.stats(socket))
        _need(first)
        for one in sorted(first, key=lambda each: not first[each]["playing"]):
            since = socket.count
            was = first[one]["playing"]
            there = await _tap(socket, COMMANDS[0], one, plays(not was))
            if there.refused:
                continue
            expect(there.told, f"{one} does not toggle within {OBEYS_WITHIN:g} s")
            back = await _tap(socket, COMMANDS[0], one, plays(was))
            expect(back.told, f"{one} does not toggle back within {OBEYS_WITHIN:g} s")
            heard = socket.heard[since:]
            told = [_told(each) for each in heard if each.event == "stats"]
            answers = [each.text for each in heard if each.event not in UNASKED]
            others = [other for other in first if other != one and _moved(other, first, told)]
            return Toggled(one, max(there.took, back.took), answers, first, told[-1], others)
    raise NotJudged("no player on this desk lets itself be paused")


async def _tap(socket: Socket, event: str, one: str, wanted: Callable[[Any], object]) -> "Tapped":
    """Send a command; return how the player then was, or the code it was refused with."""
    since, began = socket.count, now()
    socket.say(event, one)

    def settled(heard: Heard) -> bool:
        if heard.event == "error":
            return True
        return heard.event == "stats" and bool(wanted(_told(heard).get(one)))

    heard = await socket.see(settled, within=OBEYS_WITHIN, since=since)
    if heard is None:
        return Tapped(None, "", OBEYS_WITHIN, done=False)
    if heard.event == "error":
        return Tapped(None, str(heard.inner.get("code")), heard.at - began, done=False)
    return Tapped(_told(heard).get(one), "", heard.at - began, done=True)


async def _to_disturb(bench: Bench, socket: Socket) -> list[tuple[str, dict[str, Any]]]:
    if not bench.terms.disturb:
        raise NotJudged("would skip a track or stop a player: --disturb lets it")
    found = players_in(await bench.stats(socket))
    _need(found)
    return list(found.items())


async def _burst(socket: Socket) -> list[str]:
    since = socket.count
    for _ in range(SENT):
        socket.say(COMMANDS[0], NOBODY)
    await socket.ended(within=SETTLES)
    return [each.inner.get("code") for each in socket.heard[since:] if each.event == "error"]


def players_in(stats: dict[str, Any]) -> Players:
    """Return the players of a reading by their ids."""
    return {player["id"]: player for player in keys.players(stats)}


def _told(heard: Heard) -> Players:
    return players_in(read_stats(heard)) if heard.event == "stats" else {}


def plays(wanted: bool) -> Callable[[Any], bool]:
    """Return whether a player is as wanted."""
    return lambda told: bool(told) and told["playing"] is wanted


def track(told: Any) -> str:
    """Name what a player plays."""
    return f"{told.get('title')} ({told.get('artist')})"


def differs(was: Any) -> Callable[[Any], bool]:
    """Return whether a player plays something else than it did."""
    return lambda told: bool(told) and track(told) != track(was)


def _moved(other: str, first: Players, told: list[Players]) -> bool:
    was = first[other]["playing"]
    return any(other in each and each[other]["playing"] != was for each in told)


def _need(found: Players) -> None:
    if not found:
        raise NotJudged("no player on this desk")


TOPIC = Topic(
    7,
    "commands",
    (
        Clause("7.1", "protocol.md#commands", toggles),
        Clause("7.2", "protocol.md#stats-timing", told_at_once),
        Clause("7.3", "protocol.md#command-results", not_answered),
        Clause("7.4", "protocol.md#command-results", no_other),
        Clause("7.5", "protocol.md#error", unknown_player),
        Clause("7.6", "protocol.md#error", fresh_stats),
        Clause("7.7", "protocol.md#command-results", no_similar_player),
        Clause("7.8", "protocol.md#command-rate", throttled, takes=SETTLES),
        Clause("7.9", "protocol.md#command-rate", not_for_ever, takes=2 * SETTLES + PAUSE),
        Clause("7.10", "protocol.md#error", forbidden),
        Clause("7.11", "protocol.md#commands", skips, order=Order.LAST),
        Clause("7.12", "protocol.md#commands", stops, order=Order.LAST),
    ),
    of_the_desk=True,
)
