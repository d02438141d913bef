"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path)

config_option = click.option(
    "--config", type=FILE, metavar="FILE", help="Read the settings from FILE."
)
state_dir_option = click.option(
    "--state-dir", type=FILE, metavar="DIR", help="Directory for users, logins and keys."
)
desk_option = click.option(
    "--desk",
    "host",
    metavar="HOST",
    help="Desk to use if you are logged in to several. The default is the last one logged in to.",
)
wait_option = click.option(
    "--wait", is_flag=True, help="Wait for a desk that is not reachable yet."
)
password_option = click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input instead of a prompt.",
)


def seconds_option(name: str, default: float, text: str) -> Callable[[Any], Any]:
    """Return an option for a time in seconds."""
    return click.option(
        name, default=default, type=float, show_default=True, metavar="SECONDS", help=text
    )
