"""`deskwire watch`: a line for each change, for a person or for `jq`.

The connection lives in a thread of its own, so a reader that is slow holds up nothing but these
lines: it gets the newest state when it is ready.
"""

import os
import select
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.connect import desk_option, open_session
from deskwire.cli.options import fail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from deskwire.cli.desk_session import DeskSession
    from deskwire.cli.watch_output import LineFormatter
    from deskwire.client.connection_state import State
    from deskwire.client.sync import Desk
    from deskwire.terminal.console import Console

A_MOMENT = 0.5
ENDED_BY_SIGTERM = 128 + signal.SIGTERM


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line, for jq.")
@click.option(
    "--fields",
    metavar="A,B",
    help="Only these, and only when one of them changes: volume,players,…",
)
@click.option("--wait", is_flag=True, help="Wait for a desk that is not there yet.")
@desk_option
def watch(*, as_json: bool, fields: str | None, wait: bool, host: str | None) -> None:
    """Print a line whenever something changes, until Ctrl-C.

    The first line says everything, each later one what changed. With --json a line is the whole
    object that `stats` carries, or its chosen fields. A lost connection comes back by itself; that
    is said on standard error. When the password was changed, it is asked for, if somebody sits at a
    terminal.
    """
    from deskwire.cli.watch_output import JsonLines, TextLines, UnknownField, parse_fields
    from deskwire.terminal.console import Console

    try:
        names = parse_fields(fields)
    except UnknownField as problem:
        fail(str(problem), exits.USAGE)
    lines = JsonLines(names) if as_json else TextLines(names)
    with ends_on_sigterm(), open_session(host, say) as door:
        read_to_the_end = write(door, lines, Console(), wait=wait)
    if read_to_the_end:
        print("deskwire: the desk ended the connection", file=sys.stderr)
    else:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write(door: "DeskSession", lines: "LineFormatter", paper: "Console", *, wait: bool) -> bool:
    """Write until the desk ends it; false when nobody reads any more."""
    from deskwire.model.problems import WrongCredentials

    desk = door.enter(wait=wait)
    while True:
        try:
            return write_of(desk, lines, paper)
        except BrokenPipeError:
            return False
        except WrongCredentials as why:
            desk = door.enter_again(why)


def write_of(desk: "Desk", lines: "LineFormatter", paper: "Console") -> bool:
    """Write until one connection is over; false when nobody reads any more."""
    import time

    from deskwire.model.units import Seconds

    for snapshot in desk:
        line = lines.line(snapshot, Seconds(time.monotonic()), time.localtime())
        if line:
            paper.write(line)
            sys.stdout.flush()
        elif nobody_reads():
            return False
    return True


def nobody_reads() -> bool:
    """Tell whether standard output is a pipe whose reader has gone, poll(2)."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


@contextmanager
def ends_on_sigterm() -> "Iterator[None]":
    """Leave the desk as one should when the command is told to end."""

    def end(_number: int, _frame: "FrameType | None") -> NoReturn:
        sys.exit(ENDED_BY_SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def say(state: "State") -> None:
    """Say on standard error when the desk is lost for longer than a moment."""
    from deskwire.model.instant import read_clock

    wait = 0.0 if state.again is None else state.again - read_clock().boot
    if wait > A_MOMENT:
        why = state.problem or f"the connection was closed ({state.close_code})"
        print(f"deskwire: {why}; trying again in {wait:.0f} s", file=sys.stderr)
