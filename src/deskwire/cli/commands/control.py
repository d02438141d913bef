"""Commands that read and control more of a desk: `volume`, `seek`, `get` and `command`."""

import json
import re
import time
from typing import Any

import click

from deskwire.cli import exit_codes
from deskwire.cli.commands.players import select_player
from deskwire.cli.desk_session import connected_desk
from deskwire.cli.exit_codes import fail
from deskwire.cli.options import desk_option
from deskwire.client.sync import Desk
from deskwire.terminal.console import Console
from deskwire.terminal.formatting import format_position

CHANGE_SHOWN_WITHIN = 0.5
"""Seconds within which the sound server reports a change that the desk has made."""
SIGNED = {"ignore_unknown_options": True}
"""Settings of a command whose argument may be `-5`."""
_POSITION = re.compile(r"(?P<sign>[+-]?)(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)")
_LEVEL = re.compile(r"(?P<sign>[+-]?)(?P<number>\d+(?:\.\d+)?)%?")


@click.command(context_settings=SIGNED)
@click.argument("change", required=False)
@desk_option
def volume(change: str | None, host: str | None) -> None:
    """Show or change the volume of a desk.

    CHANGE is a level (40), a step (+5, -5), mute, unmute or toggle.
    """
    with connected_desk(host) as desk:
        reading = desk.get("volume")["volume"]
        if change is not None:
            change_volume(desk, change)
            reading = wait_for_change(desk, reading)
    if reading is None:
        fail("the desk has no sound output", exit_codes.FAILED)
    Console().write(f"{reading['level']:.0f} %{', muted' if reading['muted'] else ''}")


def wait_for_change(desk: Desk, before: Any) -> Any:
    """Return the reading once it differs, or after a while: the change may be none."""
    end = time.monotonic() + CHANGE_SHOWN_WITHIN
    while (reading := desk.get("volume")["volume"]) == before and time.monotonic() < end:
        time.sleep(0.05)
    return reading


def change_volume(desk: Desk, change: str) -> None:
    """Carry out a typed change, or end the command."""
    if change in {"mute", "unmute", "toggle"}:
        reading = desk.get("volume")["volume"] if change == "toggle" else None
        muted = change == "mute" or (reading is not None and not reading["muted"])
        desk.command("volume.mute", muted=muted)
        return
    match = _LEVEL.fullmatch(change)
    if match is None:
        expected = "expected a level (40), a step (+5, -5), mute, unmute or toggle"
        fail(f"{expected}, found {change!r}", exit_codes.USAGE)
    number = float(match["number"])
    if match["sign"]:
        desk.command("volume.change", by=-number if match["sign"] == "-" else number)
    else:
        desk.command("volume.set", level=number)


@click.command(context_settings=SIGNED)
@click.argument("to")
@click.argument("player", required=False)
@desk_option
def seek(to: str, player: str | None, host: str | None) -> None:
    """Seek in a player's track.

    TO is a position (90, 1:30, 1:02:03) or a distance (+30, -10). PLAYER is an id, a name or a part
    of a name. The default is the player that plays, or the only one.
    """
    target = parse_target(to)
    with connected_desk(host) as desk:
        selected = select_player(desk.snapshot.players, player)
        desk.command("players.seek", player=selected.id, **target)
    where = f"by {to}" if "by" in target else f"to {format_position(target['position'])}"
    Console().write(f"{selected.id}: seek {where}")


def parse_target(text: str) -> dict[str, Any]:
    """Return `position` or `by` in seconds, or end the command."""
    match = _POSITION.fullmatch(text)
    if match is None:
        expected = "expected a position (90, 1:30) or a distance (+30, -10)"
        fail(f"{expected}, found {text!r}", exit_codes.USAGE)
    sign, hours, minutes, seconds = match.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)
    if sign:
        return {"by": -total if sign == "-" else total}
    return {"position": total}


@click.command()
@click.argument("topics", nargs=-1)
@desk_option
def get(topics: tuple[str, ...], host: str | None) -> None:
    """Print readings of a desk as JSON, one object with a key for each topic.

    TOPICS are names like cpu and players. The default is all topics.
    """
    with connected_desk(host) as desk:
        readings = desk.get(*topics)
    Console().write(json.dumps(readings, ensure_ascii=True, indent=2))


@click.command(context_settings=SIGNED)
@click.argument("name")
@click.argument("arguments", nargs=-1, metavar="[KEY=VALUE]...")
@desk_option
def command(name: str, arguments: tuple[str, ...], host: str | None) -> None:
    """Send any command of a desk: `deskwire command players.loop player=player1 mode=track`.

    A value that is JSON (40, true) is sent as such, any other as a string.
    """
    given = dict(map(parse_argument, arguments))
    with connected_desk(host) as desk:
        desk.command(name, **given)


def parse_argument(text: str) -> tuple[str, Any]:
    """Return key and value of `KEY=VALUE`, or end the command."""
    key, separator, value = text.partition("=")
    if not separator or not key.isidentifier():
        fail(f"expected KEY=VALUE, found {text!r}", exit_codes.USAGE)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
