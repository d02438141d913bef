"""The settings, for a command: a wrong one ends it with one line and exit code 2."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from deskwire.cli import exits

if TYPE_CHECKING:
    from deskwire.daemon.settings import Settings


def settled(flags: Mapping[str, Mapping[str, Any]], config: Path | None) -> "Settings":
    """Return the settings from these flags, the environment and the file."""
    from deskwire.daemon.config import BadSetting, load

    try:
        return load(flags, os.environ, config)
    except BadSetting as problem:
        print(f"deskwire: {problem.message}", file=sys.stderr)
        raise typer.Exit(exits.USAGE) from None
