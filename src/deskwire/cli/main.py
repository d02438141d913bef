"""The table of commands."""

import click

from deskwire import __version__
from deskwire.cli.art import art
from deskwire.cli.conform import conform
from deskwire.cli.doctor import doctor
from deskwire.cli.login import login, logout
from deskwire.cli.logins import logins
from deskwire.cli.media import next_, play_pause, previous, stop_
from deskwire.cli.mock import mock
from deskwire.cli.serve import serve
from deskwire.cli.snapshot import snapshot
from deskwire.cli.top.command import top
from deskwire.cli.users import users
from deskwire.cli.watch import watch

COMMANDS = (
    *(serve, users, logins, doctor, snapshot),
    *(login, logout, watch, top, play_pause, next_, previous, stop_, art),
    *(mock, conform),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="deskwire", message="%(prog)s %(version)s")
def app() -> None:
    """One person's Linux session, live on any screen."""


for command in COMMANDS:
    app.add_command(command)


def run() -> None:
    """Do what was typed."""
    app(prog_name="deskwire")
