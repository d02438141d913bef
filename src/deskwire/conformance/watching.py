"""Content of `stats`, recorded for a few seconds."""

import base64
from itertools import pairwise
from typing import Any, NamedTuple

from deskwire.conformance import stats_keys as keys
from deskwire.conformance.check_context import CheckContext, read_stats
from deskwire.conformance.clause import Check, Clause, Topic
from deskwire.conformance.outcome import NotChecked, expect, short
from deskwire.conformance.socket import Message, now

RECORDING_SECONDS = 4.2
TRIES = 3
LONGEST_GAP = 1.5
"""Longest allowed time between two `stats`, in seconds; one a second is expected."""


class Reading(NamedTuple):
    """One `stats`."""

    at: float
    stats: dict[str, Any]


class Recording(NamedTuple):
    """Everything received during the recording."""

    received: list[Message]
    readings: list[Reading]
    until: float

    @property
    def first(self) -> dict[str, Any]:
        """The first reading."""
        return self.readings[0].stats

    @property
    def later(self) -> list[str]:
        """Keys that are missing in the first `stats` and present in a later one."""
        seen = {key for reading in self.readings for key in reading.stats}
        some_later = any(keys.players(reading.stats) for reading in self.readings)
        none_first = not keys.players(self.first)
        return sorted(seen - set(self.first)) + ["players"] * (some_later and none_first)


async def envelope(context: CheckContext) -> str:
    """A `stats` is `event` and `args`, and its one argument is JSON as a string."""
    received = (await context.once(_watch)).received
    for each in received:
        expect(each.event in ("stats", "session expiring"), f"also {short(each.text)}")
        expect(len(each.args) == 1 and isinstance(each.args[0], str), short(each.text))
    return f"{len(received)} of them"


async def known_keys(context: CheckContext) -> str:
    """The keys are the contract's, and no others."""
    for reading in (await context.once(_watch)).readings:
        unknown = keys.unknown_keys(reading.stats)
        expect(not unknown, f"also {short(', '.join(unknown))}")
    return ", ".join((await context.once(_watch)).first)


async def always_there(context: CheckContext) -> str:
    """Memory, processor, network, uptime, disk and the list of players are always there."""
    for reading in (await context.once(_watch)).readings:
        missing = [key for key in keys.ALWAYS if key not in reading.stats]
        expect(not missing, f"no {', '.join(missing)}")
        audio = reading.stats["audio"]
        expect(isinstance(audio, list), f"audio is {short(audio)}")
    return "all of them, in each"


async def values(context: CheckContext) -> str:
    """Each value has its type and its range: whole bytes and seconds, percent of 0 to 100."""
    for reading in (await context.once(_watch)).readings:
        invalid_values = keys.invalid_values(reading.stats)
        expect(not invalid_values, short("; ".join(invalid_values)))
    return f"right in {len((await context.once(_watch)).readings)} of them"


async def never_null(context: CheckContext) -> str:
    """Absent hardware is left out: no value is null."""
    for reading in (await context.once(_watch)).readings:
        nulls = keys.nulls(reading.stats)
        expect(not nulls, f"null: {short(', '.join(nulls))}")
    return "no null"


async def whole_at_once(context: CheckContext) -> str:
    """The first `stats` is whole: what the desk has is in it."""
    watched = await context.once(_watch)
    expect(not watched.later, f"{', '.join(watched.later)} only later")
    return f"{len(watched.first)} keys at once"


async def each_second(context: CheckContext) -> str:
    """At least one `stats` comes each second."""
    watched = await context.once(_watch)
    readings = watched.readings
    moments = [*(reading.at for reading in readings), watched.until]
    gaps = [later - one for one, later in pairwise(moments)]
    expect(max(gaps) <= LONGEST_GAP, f"a gap of {max(gaps):.1f} s")
    return f"{len(readings)} in {RECORDING_SECONDS:g} s, the longest gap {max(gaps):.2f} s"


async def uptime_counts(context: CheckContext) -> str:
    """`uptime` counts seconds."""
    readings = (await context.once(_watch)).readings
    one, last = readings[0], readings[-1]
    counted, passed = last.stats["uptime"] - one.stats["uptime"], last.at - one.at
    expect(abs(counted - passed) <= 1.5, f"{counted} s in {passed:.1f} s")
    return f"{counted} s in {passed:.1f} s"


async def totals_grow(context: CheckContext) -> str:
    """The network's totals never go backwards."""
    found = [reading.stats["network"] for reading in (await context.once(_watch)).readings]
    for key in ("rx_bytes", "tx_bytes"):
        numbers = [each[key] for each in found]
        expect(numbers == sorted(numbers), f"{key}: {short(numbers)}")
    return f"{found[0]['rx_bytes']} to {found[-1]['rx_bytes']} bytes received"


async def no_wifi_name(context: CheckContext) -> str:
    """A wifi adapter that is not connected has an empty `ssid`, and one that is has a name."""
    wifi = (await context.once(_watch)).first.get("wifi")
    if wifi is None:
        raise NotChecked("no wifi adapter on this desk")
    expect(bool(wifi["ssid"]) == wifi["connected"], short(wifi))
    return short(wifi)


async def players(context: CheckContext) -> str:
    """Each player has `id`, `name`, `playing`, `artist` and `title`, and what else it has fits."""
    for reading in (await context.once(_watch)).readings:
        invalid_values = keys.invalid_player_values(reading.stats)
        expect(not invalid_values, short("; ".join(invalid_values)))
    found = await _players(context)
    return short(", ".join(player["name"] for player in found))


async def player_ids(context: CheckContext) -> str:
    """Players' ids are `player<N>`, each its own, the same on every socket."""
    ids = [player["id"] for player in await _players(context)]
    wrong = [each for each in ids if not keys.PLAYER_ID.fullmatch(each)]
    expect(not wrong, f"ids {short(wrong)}")
    expect(len(set(ids)) == len(ids), f"ids {short(ids)}")
    async with context.watch() as socket:
        again = {
            player["id"]: player["name"] for player in keys.players(await context.stats(socket))
        }
    for player in await _players(context):
        name = again.get(player["id"], player["name"])
        expect(name == player["name"], f"{player['id']} is {player['name']}, then {name}")
    return ", ".join(ids)


async def within_the_track(context: CheckContext) -> str:
    """A `timestamp` lies within 0 and `duration`."""
    seen = []
    for reading in (await context.once(_watch)).readings:
        for player in keys.players(reading.stats):
            if "timestamp" in player and "duration" in player:
                at, end = player["timestamp"], player["duration"]
                expect(0 <= at <= end, f"{player['id']}: {at} of {end}")
                seen.append(player["id"])
    if not seen:
        raise NotChecked("no player says where in its track it is")
    return f"{', '.join(dict.fromkeys(seen))}"


async def time_goes_on(context: CheckContext) -> str:
    """A playing player's `timestamp` goes on, a paused one's stands."""
    readings = (await context.once(_watch)).readings
    seen = []
    for player in keys.players(readings[0].stats):
        states = [_player(reading.stats, player["id"]) for reading in readings]
        steady = [each for each in states if each and "timestamp" in each]
        same = [
            each
            for each in steady
            if (each["playing"], each["title"]) == (player["playing"], player["title"])
        ]
        if len(same) < len(readings):
            continue
        first, last = same[0]["timestamp"], same[-1]["timestamp"]
        over = player["playing"] and last >= player.get("duration", last + 1)
        moved = last - first
        if player["playing"] and not over:
            expect(moved >= 1, f"{player['id']} plays and stays at {first}")
            seen.append(f"{player['id']} +{moved} s")
        elif not player["playing"]:
            expect(moved == 0, f"{player['id']} is paused and moves by {moved} s")
            seen.append(f"{player['id']} stands")
    if not seen:
        raise NotChecked("no player stays with its track for so long")
    return ", ".join(seen)


async def art_urls(context: CheckContext) -> str:
    """An `art_url` is `/v1/img/tmp/` and the padded base64url of an absolute path."""
    urls = [player["art_url"] for player in await _players(context) if "art_url" in player]
    if not urls:
        raise NotChecked("no player names a picture")
    for url in urls:
        expect(keys.ART_URL.fullmatch(url), short(url))
        base64url = url.rsplit("/", 1)[1]
        expect(len(base64url) % 4 == 0, f"not padded: {short(url)}")
        path = base64.urlsafe_b64decode(base64url)
        expect(path.startswith(b"/"), f"the path {short(path)}")
    return short(urls[0])


async def same_for_all(context: CheckContext) -> str:
    """Two clients receive the same `stats`."""
    async with context.watch() as one, context.watch() as other:
        seen = [await context.stats(one) for _ in range(2)]

        def same(received: Message) -> bool:
            return received.event == "stats" and read_stats(received) in seen

        expect(await other.see(same, within=1.5), f"not what the other says: {short(seen[0])}")
    return "the same"


async def _watch(context: CheckContext) -> Recording:
    """Record; repeat if the first `stats` was incomplete, as on a busy machine."""
    watched = await _watch_once(context)
    for _ in range(1, TRIES):
        if not watched.later:
            break
        watched = await _watch_once(context)
    return watched


async def _watch_once(context: CheckContext) -> Recording:
    async with context.watch() as socket:
        await socket.ended(within=RECORDING_SECONDS)
        received, until = list(socket.received), now()
    readings = [Reading(each.at, read_stats(each)) for each in received if each.event == "stats"]
    return Recording(received, readings, until)


async def _players(context: CheckContext) -> list[dict[str, Any]]:
    found = keys.players((await context.once(_watch)).first)
    if not found:
        raise NotChecked("no player on this desk")
    return found


def _player(stats: dict[str, Any], player_id: str) -> dict[str, Any] | None:
    return next((each for each in keys.players(stats) if each.get("id") == player_id), None)


def _clause(number: str, source: str, check: Check) -> Clause:
    """Return a clause that waits for the recording."""
    return Clause(number, source, check, takes=RECORDING_SECONDS)


TOPIC = Topic(
    6,
    "stats",
    (
        _clause("6.1", "protocol.md#stats", envelope),
        _clause("6.2", "protocol.md#stats, protocol.md#absent-hardware", known_keys),
        _clause("6.3", "protocol.md#stats-fields", always_there),
        _clause("6.4", "protocol.md#stats-fields", values),
        _clause("6.5", "protocol.md#absent-hardware", never_null),
        _clause("6.6", "protocol.md#stats-timing", whole_at_once),
        _clause("6.7", "protocol.md#stats-timing", each_second),
        _clause("6.8", "protocol.md#stats-fields", uptime_counts),
        _clause("6.9", "protocol.md#network", totals_grow),
        _clause("6.10", "protocol.md#wifi", no_wifi_name),
        _clause("6.11", "protocol.md#players", players),
        _clause("6.12", "protocol.md#player-ids", player_ids),
        _clause("6.13", "protocol.md#player-position", within_the_track),
        _clause("6.14", "protocol.md#player-position", time_goes_on),
        _clause("6.15", "protocol.md#art-url", art_urls),
        Clause("6.16", "protocol.md#stats", same_for_all),
    ),
    reads_desk=True,
)
