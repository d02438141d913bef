"""The settings, for a command: a wrong one ends it with one line and exit code 2."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from deskwire.cli import exit_codes as exits

if TYPE_CHECKING:
    from deskwire.daemon.config.settings import Settings

FILE_PATH = click.Path(path_type=Path)

config_option = click.option(
    "--config", type=FILE_PATH, metavar="FILE", help="Read settings from this file."
)
state_dir_option = click.option(
    "--state-dir",
    type=FILE_PATH,
    metavar="DIR",
    help="The folder that users, logins and keys are in.",
)


def load_settings(flags: Mapping[str, Mapping[str, Any]], config: Path | None) -> "Settings":
    """Return the settings from these flags, the environment and the file."""
    from deskwire.daemon.config.load import BadSetting, load

    try:
        return load(flags, os.environ, config)
    except BadSetting as problem:
        fail(problem.message, exits.USAGE)


def fail(why: str, code: int) -> NoReturn:
    """End the command: one line on standard error, and the exit code."""
    print(f"deskwire: {why}", file=sys.stderr)
    sys.exit(code)
