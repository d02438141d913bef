"""What a desk says of itself, for a few seconds."""

import base64
from itertools import pairwise
from typing import Any, NamedTuple

from deskwire.conformance import stats_keys as keys
from deskwire.conformance.check_context import Bench, read_stats
from deskwire.conformance.clause import Clause, Topic
from deskwire.conformance.socket import Heard, now
from deskwire.conformance.verdicts import NotJudged, expect, short

WATCHED = 4.2
TRIES = 3
LONGEST_GAP = 1.5
"""Seconds between two `stats` where there ought to be one each second."""


class Reading(NamedTuple):
    """One `stats`."""

    at: float
    stats: dict[str, Any]


class Watched(NamedTuple):
    """What came in that time."""

    heard: list[Heard]
    readings: list[Reading]
    until: float

    @property
    def first(self) -> dict[str, Any]:
        """The first reading."""
        return self.readings[0].stats

    @property
    def later(self) -> list[str]:
        """What the first reading has not and a later one has: keys, and players at all."""
        told = {key for reading in self.readings for key in reading.stats}
        some_later = any(keys.players(reading.stats) for reading in self.readings)
        none_first = not keys.players(self.first)
        return sorted(told - set(self.first)) + ["players"] * (some_later and none_first)


async def envelope(bench: Bench) -> str:
    """A `stats` is `event` and `args`, and its one argument is JSON as a string."""
    heard = (await bench.once(_watch)).heard
    for each in heard:
        expect(each.event in ("stats", "session expiring"), f"also {short(each.text)}")
        expect(len(each.args) == 1 and isinstance(each.args[0], str), short(each.text))
    return f"{len(heard)} of them"


async def known_keys(bench: Bench) -> str:
    """The keys are the contract's, and no others."""
    for reading in (await bench.once(_watch)).readings:
        unknown = keys.unknown_keys(reading.stats)
        expect(not unknown, f"also {short(', '.join(unknown))}")
    return ", ".join((await bench.once(_watch)).first)


async def always_there(bench: Bench) -> str:
    """Memory, processor, network, uptime, disk and the list of players are always there."""
    for reading in (await bench.once(_watch)).readings:
        missing = [key for key in keys.ALWAYS if key not in reading.stats]
        expect(not missing, f"no {', '.join(missing)}")
        audio = reading.stats["audio"]
        expect(isinstance(audio, list), f"audio is {short(audio)}")
    return "all of them, in each"


async def values(bench: Bench) -> str:
    """Each value has its type and its range: whole bytes and seconds, percent of 0 to 100."""
    for reading in (await bench.once(_watch)).readings:
        misfits = keys.misfits(reading.stats)
        expect(not misfits, short("; ".join(misfits)))
    return f"right in {len((await bench.once(_watch)).readings)} of them"


async def never_null(bench: Bench) -> str:
    """What the desk has not is left out: nothing is null."""
    for reading in (await bench.once(_watch)).readings:
        nulls = keys.nulls(reading.stats)
        expect(not nulls, f"null: {short(', '.join(nulls))}")
    return "no null"


async def whole_at_once(bench: Bench) -> str:
    """The first `stats` is whole: what the desk has is in it."""
    watched = await bench.once(_watch)
    expect(not watched.later, f"{', '.join(watched.later)} only later")
    return f"{len(watched.first)} keys at once"


async def each_second(bench: Bench) -> str:
    """At least one `stats` comes each second."""
    watched = await bench.once(_watch)
    readings = watched.readings
    moments = [*(reading.at for reading in readings), watched.until]
    gaps = [later - one for one, later in pairwise(moments)]
    expect(max(gaps) <= LONGEST_GAP, f"a gap of {max(gaps):.1f} s")
    return f"{len(readings)} in {WATCHED:g} s, the longest gap {max(gaps):.2f} s"


async def uptime_counts(bench: Bench) -> str:
    """`uptime` counts seconds."""
    readings = (await bench.once(_watch)).readings
    one, last = readings[0], readings[-1]
    counted, passed = last.stats["uptime"] - one.stats["uptime"], last.at - one.at
    expect(abs(counted - passed) <= 1.5, f"{counted} s in {passed:.1f} s")
    return f"{counted} s in {passed:.1f} s"


async def totals_grow(bench: Bench) -> str:
    """The network's totals never go backwards."""
    found = [reading.stats["network"] for reading in (await bench.once(_watch)).readings]
    for key in ("rx_bytes", "tx_bytes"):
        numbers = [each[key] for each in found]
        expect(numbers == sorted(numbers), f"{key}: {short(numbers)}")
    return f"{found[0]['rx_bytes']} to {found[-1]['rx_bytes']} bytes received"


async def no_wifi_name(bench: Bench) -> str:
    """A wifi adapter that is not connected has an empty `ssid`, and one that is has a name."""
    wifi = (await bench.once(_watch)).first.get("wifi")
    if wifi is None:
        raise NotJudged("no wifi adapter on this desk")
    expect(bool(wifi["ssid"]) == wifi["connected"], short(wifi))
    return short(wifi)


async def players(bench: Bench) -> str:
    """Each player has `id`, `name`, `playing`, `artist` and `title`, and what else it has fits."""
    for reading in (await bench.once(_watch)).readings:
        misfits = keys.player_misfits(reading.stats)
        expect(not misfits, short("; ".join(misfits)))
    found = await _players(bench)
    return short(", ".join(player["name"] for player in found))


async def player_ids(bench: Bench) -> str:
    """Players' ids are `player<N>`, each its own, the same on every socket."""
    ids = [player["id"] for player in await _players(bench)]
    wrong = [each for each in ids if not keys.PLAYER_ID.fullmatch(each)]
    expect(not wrong, f"ids {short(wrong)}")
    expect(len(set(ids)) == len(ids), f"ids {short(ids)}")
    async with bench.watch() as socket:
        again = {player["id"]: player["name"] for player in keys.players(await bench.stats(socket))}
    for player in await _players(bench):
        name = again.get(player["id"], player["name"])
        expect(name == player["name"], f"{player['id']} is {player['name']}, then {name}")
    return ", ".join(ids)


async def within_the_track(bench: Bench) -> str:
    """A `timestamp` lies within 0 and `duration`."""
    seen = []
    for reading in (await bench.once(_watch)).readings:
        for player in keys.players(reading.stats):
            if "timestamp" in player and "duration" in player:
                at, end = player["timestamp"], player["duration"]
                expect(0 <= at <= end, f"{player['id']}: {at} of {end}")
                seen.append(player["id"])
    if not seen:
        raise NotJudged("no player says where in its track it is")
    return f"{', '.join(dict.fromkeys(seen))}"


async def time_goes_on(bench: Bench) -> str:
    """A playing player's `timestamp` goes on, a paused one's stands."""
    readings = (await bench.once(_watch)).readings
    seen = []
    for player in keys.players(readings[0].stats):
        told = [_player(reading.stats, player["id"]) for reading in readings]
        steady = [each for each in told if each and "timestamp" in each]
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
        raise NotJudged("no player stays with its track for so long")
    return ", ".join(seen)


async def art_urls(bench: Bench) -> str:
    """An `art_url` is `/v1/img/tmp/` and the padded base64url of an absolute path."""
    urls = [player["art_url"] for player in await _players(bench) if "art_url" in player]
    if not urls:
        raise NotJudged("no player names a picture")
    for url in urls:
        expect(keys.ART_URL.fullmatch(url), short(url))
        encoded = url.rsplit("/", 1)[1]
        expect(len(encoded) % 4 == 0, f"not padded: {short(url)}")
        path = base64.urlsafe_b64decode(encoded)
        expect(path.startswith(b"/"), f"the path {short(path)}")
    return short(urls[0])


async def same_for_all(bench: Bench) -> str:
    """Two screens are told the same."""
    async with bench.watch() as one, bench.watch() as other:
        told = [await bench.stats(one) for _ in range(2)]

        def same(heard: Heard) -> bool:
            return heard.event == "stats" and read_stats(heard) in told

        expect(await other.see(same, within=1.5), f"not what the other says: {short(told[0])}")
    return "the same"


async def _watch(bench: Bench) -> Watched:
    """Watch; again if the first reading was not whole, for a busy machine may miss it once."""
    watched = await _watch_once(bench)
    for _ in range(1, TRIES):
        if not watched.later:
            break
        watched = await _watch_once(bench)
    return watched


async def _watch_once(bench: Bench) -> Watched:
    async with bench.watch() as socket:
        await socket.ended(within=WATCHED)
        heard, until = list(socket.heard), now()
    readings = [Reading(each.at, read_stats(each)) for each in heard if each.event == "stats"]
    return Watched(heard, readings, until)


async def _players(bench: Bench) -> list[dict[str, Any]]:
    found = keys.players((await bench.once(_watch)).first)
    if not found:
        raise NotJudged("no player on this desk")
    return found


def _player(stats: dict[str, Any], player_id: str) -> dict[str, Any] | None:
    return next((each for each in keys.players(stats) if each.get("id") == player_id), None)


TOPIC = Topic(
    6,
    "stats",
    (
        Clause("6.1", "protocol.md#stats", envelope, takes=WATCHED),
        Clause("6.2", "protocol.md#stats, protocol.md#absent-hardware", known_keys, takes=WATCHED),
        Clause("6.3", "protocol.md#stats-fields", always_there, takes=WATCHED),
        Clause("6.4", "protocol.md#stats-fields", values, takes=WATCHED),
        Clause("6.5", "protocol.md#absent-hardware", never_null, takes=WATCHED),
        Clause("6.6", "protocol.md#stats-timing", whole_at_once, takes=WATCHED),
        Clause("6.7", "protocol.md#stats-timing", each_second, takes=WATCHED),
        Clause("6.8", "protocol.md#stats-fields", uptime_counts, takes=WATCHED),
        Clause("6.9", "protocol.md#network", totals_grow, takes=WATCHED),
        Clause("6.10", "protocol.md#wifi", no_wifi_name, takes=WATCHED),
        Clause("6.11", "protocol.md#players", players, takes=WATCHED),
        Clause("6.12", "protocol.md#player-ids", player_ids, takes=WATCHED),
        Clause("6.13", "protocol.md#player-position", within_the_track, takes=WATCHED),
        Clause("6.14", "protocol.md#player-position", time_goes_on, takes=WATCHED),
        Clause("6.15", "protocol.md#art-url", art_urls, takes=WATCHED),
        Clause("6.16", "protocol.md#stats", same_for_all),
    ),
    of_the_desk=True,
)
