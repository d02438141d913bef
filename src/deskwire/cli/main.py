"""The table of commands.

A command's module is imported when it is typed, or when all are listed: the daemon runs for ever,
and carries what `serve` needs and nothing of the others'.
"""

from importlib import import_module

import click

from deskwire import __version__

COMMANDS = {
    "serve": "serve.serve",
    "users": "users.users",
    "logins": "logins.logins",
    "doctor": "doctor.doctor",
    "snapshot": "snapshot.snapshot",
    "login": "login.login",
    "logout": "login.logout",
    "watch": "watch.watch",
    "top": "top.top",
    "play-pause": "players.play_pause",
    "next": "players.next_",
    "previous": "players.previous",
    "stop": "players.stop_",
    "art": "art.art",
    "mock": "mock.mock",
    "conform": "conform.conform",
}
"""What is typed, and where it is in `cli/`."""


class CommandTable(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return what may be typed, in the order of the alphabet."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Return a command, or `None` where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].rpartition(".")
        command = getattr(import_module(f"deskwire.cli.commands.{module}"), name)
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=CommandTable,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="deskwire", message="%(prog)s %(version)s")
def app() -> None:
    """One person's Linux session, live on any screen."""


def run() -> None:
    """Do what was typed."""
    app(prog_name="deskwire")
