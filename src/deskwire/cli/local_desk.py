"""Settings and state directory of this machine's desk, with or without a running daemon."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import UnknownUser, UserExists
from deskwire.cli import exit_codes
from deskwire.cli.exit_codes import fail
from deskwire.daemon.config.load import BadSetting, load
from deskwire.daemon.config.settings import Settings
from deskwire.model.problems import Problem, StateUnavailable
from deskwire.model.units import Seconds


def load_settings(flags: Mapping[str, Mapping[str, Any]], config: Path | None) -> Settings:
    """Return the settings from flags, environment and file. A wrong setting ends the command."""
    try:
        return load(flags, os.environ, config)
    except BadSetting as problem:
        fail(problem.message, exit_codes.USAGE)


@contextmanager
def open_state(
    state_dir: Path | None, config: Path | None, *, create: bool = False
) -> Iterator[StateDirectory]:
    """Open the state directory. A problem ends the command.

    A missing directory that `--state-dir` names is probably a typing error. Only `create` makes it.
    """
    if state_dir is not None and not create and not state_dir.exists():
        fail(f"{state_dir} does not exist; the first start creates it", exit_codes.STATE)
    settings = load_settings({"server": {"state_dir": state_dir}}, config)
    try:
        state = StateDirectory.open(settings.server.state_dir)
        try:
            yield state
        finally:
            state.close()
    except Problem as problem:
        advice = ""
        match problem:
            case UnknownUser():
                advice = "; run `deskwire users list` to see all users"
            case UserExists():
                advice = "; run `deskwire users passwd` to change the password"
        unusable = isinstance(problem, StateUnavailable)
        fail(problem.message + advice, exit_codes.STATE if unusable else exit_codes.FAILED)


def rfc3339(moment: Seconds) -> str:
    """Return a wall-clock time for programs: `2025-11-23T05:43:00Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_time(moment: Seconds) -> str:
    """Return a wall-clock time in the local time zone: `2025-11-23 06:43`."""
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
