"""The state directory, for a command that looks into it; with or without a daemon at work on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from deskwire.cli import exit_codes as exits
from deskwire.cli.options import settled, stop

if TYPE_CHECKING:
    from deskwire.auth.state import State
    from deskwire.model.units import Seconds


@contextmanager
def opened(state_dir: Path | None, config: Path | None, *, make: bool = False) -> "Iterator[State]":
    """Lend the state; whatever cannot be done with it ends the command with one line.

    A folder that a person named is made only if `make`: else it is a slip of the pen.
    """
    from deskwire.auth.state import State
    from deskwire.auth.users import UnknownUser, UserExists
    from deskwire.model.problems import Problem, StateUnavailable

    if state_dir is not None and not make and not state_dir.exists():
        stop(f"{state_dir} is not there; the first start makes it", exits.STATE)
    settings = settled({"server": {"state_dir": state_dir}}, config)
    try:
        state = State.open(settings.server.state_dir)
        try:
            yield state
        finally:
            state.close()
    except StateUnavailable as problem:
        stop(problem.message, exits.STATE)
    except UnknownUser as problem:
        stop(f"{problem.message}; `deskwire users list` names them", exits.FAILED)
    except UserExists as problem:
        stop(f"{problem.message}; `deskwire users passwd` sets another password", exits.FAILED)
    except Problem as problem:
        stop(problem.message, exits.FAILED)


def rfc3339(moment: "Seconds") -> str:
    """Return a moment of the wall clock as programs write it: `2025-11-23T05:43:00Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local(moment: "Seconds") -> str:
    """Return a moment of the wall clock as the person's own clock shows it: `2025-11-23 06:43`."""
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
