"""The state directory, for a command that looks into it; with or without a daemon at work on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from deskwire.cli import exit_codes as exits
from deskwire.cli.options import fail, load_settings

if TYPE_CHECKING:
    from deskwire.auth.state import State
    from deskwire.model.units import Seconds


@contextmanager
def open_state(
    state_dir: Path | None, config: Path | None, *, make: bool = False
) -> "Iterator[State]":
    """Lend the state; whatever cannot be done with it ends the command with one line.

    A folder that a person named is made only if `make`: else it is a slip of the pen.
    """
    from deskwire.auth.state import State
    from deskwire.auth.users import UnknownUser, UserExists
    from deskwire.model.problems import Problem, StateUnavailable

    if state_dir is not None and not make and not state_dir.exists():
        fail(f"{state_dir} is not there; the first start makes it", exits.STATE)
    settings = load_settings({"server": {"state_dir": state_dir}}, config)
    try:
        state = State.open(settings.server.state_dir)
        try:
            yield state
        finally:
            state.close()
    except StateUnavailable as problem:
        fail(problem.message, exits.STATE)
    except UnknownUser as problem:
        fail(f"{problem.message}; `deskwire users list` names them", exits.FAILED)
    except UserExists as problem:
        fail(f"{problem.message}; `deskwire users passwd` sets another password", exits.FAILED)
    except Problem as problem:
        fail(problem.message, exits.FAILED)


def rfc3339(moment: "Seconds") -> str:
    """Return a moment of the wall clock as programs write it: `2025-11-23T05:43:00Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_time(moment: "Seconds") -> str:
    """Return a moment of the wall clock as the person's own clock shows it: `2025-11-23 06:43`."""
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
