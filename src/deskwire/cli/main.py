"""Table of all commands.

A command's module is imported only when that command runs. The daemon therefore loads no code of
the other commands, and `deskwire --help` loads none at all.
"""

import errno
import sys
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import click

from deskwire import __version__
from deskwire.cli import exit_codes
from deskwire.cli.exit_codes import fail
from deskwire.terminal.console import discard_unwritable_output, prepare_standard_streams

UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EPIPE})
"""Errors of a write to standard output."""


class Command(NamedTuple):
    """A row of the table."""

    module: str
    """Module in `deskwire.cli.commands`."""
    function: str
    summary: str
    """Line in the list of commands."""


COMMANDS = {
    "art": Command("players", "art", "Save the cover picture of a player."),
    "command": Command("control", "command", "Send any command of a desk."),
    "conform": Command("conform", "conform", "Check a server against the contract."),
    "doctor": Command(
        "doctor", "doctor", "Show which parts of this desk work, and why others do not."
    ),
    "get": Command("control", "get", "Print readings of a desk as JSON."),
    "login": Command("login", "login", "Log in to a desk."),
    "logins": Command("logins", "logins", "List the logins of this desk, or end one."),
    "logout": Command("login", "logout", "Log out of a desk and forget it."),
    "mock": Command("mock", "mock", "Serve a simulated desk until Ctrl-C."),
    "next": Command("players", "next_", "Skip to a player's next track."),
    "play-pause": Command("players", "play_pause", "Toggle play and pause of a player."),
    "previous": Command("players", "previous", "Go to a player's previous track."),
    "seek": Command("control", "seek", "Seek in a player's track."),
    "serve": Command("serve", "serve", "Serve this desk until Ctrl-C."),
    "snapshot": Command("snapshot", "snapshot", "Read this desk once, without a server."),
    "stop": Command("players", "stop_", "Stop a player."),
    "tokens": Command("tokens", "tokens", "Manage the access tokens of scripts."),
    "top": Command("top", "top", "Show a desk live, with keys to control its players."),
    "users": Command("users", "users", "Manage the users of this desk."),
    "volume": Command("control", "volume", "Show or change the volume of a desk."),
    "watch": Command("watch", "watch", "Print each change of a desk until Ctrl-C."),
}


class CommandTable(click.Group):
    """Group whose commands are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return a command, or return `None` for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        row = COMMANDS[cmd_name]
        command = getattr(import_module(f"deskwire.cli.commands.{row.module}"), row.function)
        assert isinstance(command, click.Command)
        command.short_help = row.summary
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list of commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in sorted(COMMANDS)])


@click.group(
    cls=CommandTable,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="deskwire", message="%(prog)s %(version)s")
def app() -> None:
    """Stream the live state of a Linux desktop and control its media players."""


def run() -> None:
    """Run the command line.

    Output that cannot be written, and a working directory that is gone, are one line and an exit
    code.
    """
    prepare_standard_streams()
    try:
        Path.cwd()
    except FileNotFoundError:
        fail("the working directory is gone; change to another one", exit_codes.FAILED)
    code = exit_codes.OK
    try:
        try:
            app(prog_name="deskwire")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else exit_codes.OK
        sys.stdout.flush()
    except OSError as problem:
        if problem.errno not in UNWRITABLE:
            raise
        discard_unwritable_output()
        if problem.errno != errno.EPIPE:  # else the reader has seen enough
            fail(f"cannot write the output: {problem.strerror}", code or exit_codes.FAILED)
        code = code or exit_codes.FAILED
    sys.exit(code)
