"""Command `deskwire watch`: one line for each change of a desk, for people or for `jq`.

The connection runs in its own thread, so a slow reader of the output delays only the lines: it gets
the newest state as soon as it reads again.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import click
import msgspec
from msgspec.structs import replace

from deskwire.cli import exit_codes
from deskwire.cli.desk_session import DeskSession, open_session
from deskwire.cli.exit_codes import fail
from deskwire.cli.options import desk_option, wait_option
from deskwire.client.desk_state import ConnectionState
from deskwire.client.sync import Desk
from deskwire.model.instant import local_time, read_clock
from deskwire.model.problems import WrongCredentials
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import STATS_KEYS, encode_snapshot
from deskwire.terminal.console import Console
from deskwire.terminal.formatting import format_reading

FIELDS = Snapshot.__struct_fields__
MIN_REPORTED_WAIT = 0.5
"""Seconds until a retry, below which the retry is not reported."""
EXIT_AFTER_SIGTERM = 128 + signal.SIGTERM


class TextLines:
    """Formatter of lines for people: the time, and each field that has changed.

    The uptime always grows, so it makes no line of its own beside other fields.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._shown: dict[str, str] = {}

    def line(self, snapshot: Snapshot, now: Seconds, at: time.struct_time) -> str:
        """Return `06:45:50  volume 88 %`, or "" without a change. `now` is CLOCK_MONOTONIC."""
        players = tuple(replace(player, position=None) for player in snapshot.players)
        still = replace(snapshot, players=players)
        texts = {name: self._text(still, name, now) for name in self._fields}
        changed = [name for name, text in texts.items() if text != self._shown.get(name, "")]
        if not changed or (changed == ["uptime"] and len(self._fields) > 1):
            return ""
        self._shown = texts
        news = " · ".join(f"{name} {texts[name]}" for name in changed)
        return f"{time.strftime('%H:%M:%S', at)}  {news}"

    def _text(self, snapshot: Snapshot, name: str, now: Seconds) -> str:
        reading = getattr(snapshot, name)
        if reading is None:
            return "none" if self._shown.get(name) else ""
        return "; ".join(format_reading(reading, now)) or "none"


class JsonLines:
    """Formatter of lines for programs: the JSON object of `stats`, or selected keys of it."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._keys = {STATS_KEYS[name] for name in fields}
        self._shown = b""

    def line(self, snapshot: Snapshot, now: Seconds, at: time.struct_time) -> str:
        """Return one JSON object, or "" without a change. `now` is CLOCK_MONOTONIC."""
        del at
        stats = msgspec.json.decode(encode_snapshot(snapshot, now))
        line = msgspec.json.encode({key: stats[key] for key in stats if key in self._keys})
        if line == self._shown:
            return ""
        self._shown = line
        return line.decode()


LineFormatter = TextLines | JsonLines


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in each line.")
@click.option(
    "--fields",
    metavar="A,B",
    help="Print these fields only, and only when one of them changes: volume,players,…",
)
@wait_option
@desk_option
def watch(*, as_json: bool, fields: str | None, wait: bool, host: str | None) -> None:
    """Print each change of a desk until Ctrl-C.

    The first line has all fields, each later line the changed ones. With --json, each line is the
    whole JSON object of `stats`, or its selected fields. After a lost connection, the command
    reports it on standard error and reconnects by itself. If the password has changed and a user
    is at the terminal, the command asks for the new one.
    """
    names = parse_fields(fields)
    formatter = JsonLines(names) if as_json else TextLines(names)
    with exit_on_sigterm(), open_session(host, report_retry) as session:
        ended_by_desk = print_changes(session, formatter, Console(), wait=wait)
    if ended_by_desk:
        print("deskwire: the desk ended the connection", file=sys.stderr)
    else:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parse_fields(text: str | None) -> tuple[str, ...]:
    """Parse `--fields`: snapshot fields or keys of `stats`. A wrong one ends the command."""
    if text is None:
        return FIELDS
    by_key = {key: name for name, key in STATS_KEYS.items()}
    names = [by_key.get(word, word) for word in (part.strip() for part in text.split(",")) if word]
    unknown = [name for name in names if name not in FIELDS]
    if unknown or not names:
        fail(
            f"--fields: expected some of {', '.join(FIELDS)}; found {', '.join(unknown) or 'none'}",
            exit_codes.USAGE,
        )
    return tuple(dict.fromkeys(names))


def print_changes(
    session: DeskSession, formatter: LineFormatter, console: Console, *, wait: bool
) -> bool:
    """Print lines until the desk closes. Return `False` if the reader of the output is gone."""
    desk = session.connect(wait=wait)
    while True:
        try:
            return print_connection(desk, formatter, console)
        except BrokenPipeError:
            return False
        except WrongCredentials as problem:
            desk = session.reconnect_after(problem)


def print_connection(desk: Desk, formatter: LineFormatter, console: Console) -> bool:
    """Print lines until one connection ends. Return `False` if the reader is gone."""
    for snapshot in desk:
        line = formatter.line(snapshot, Seconds(time.monotonic()), local_time())
        if line:
            console.write(line)
            sys.stdout.flush()
        elif is_reader_gone():
            return False
    return True


def is_reader_gone() -> bool:
    """Tell whether standard output is a pipe without a reader, poll(2)."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into `SystemExit`, so that the connection is closed properly."""

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(EXIT_AFTER_SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def report_retry(state: ConnectionState) -> None:
    """Report a lost connection on standard error, if the next attempt is not immediate."""
    wait = 0.0 if state.retry_at is None else state.retry_at - read_clock().boot
    if wait > MIN_REPORTED_WAIT:
        why = state.problem or f"connection closed ({state.close_code})"
        print(f"deskwire: {why}; next attempt in {wait:.0f} s", file=sys.stderr)
