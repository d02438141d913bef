"""Who sits at the terminal: whether anybody does, and what they know and we do not."""

import os
import sys
from contextlib import suppress

import click

from deskwire.model.problems import Problem

MAX_PASSWORD_ATTEMPTS = 3
"""Times in one go; then they do not know it."""


def is_interactive() -> bool:
    """Tell whether a question is seen and can be answered: at a terminal, in its foreground."""
    with suppress(OSError):
        terminal = sys.stdin.isatty() and sys.stderr.isatty()
        return terminal and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    return False


def ask_for_password(username: str, why: Problem | None) -> str:
    """Ask on the terminal, without showing what is typed."""
    if why is not None:
        print(f"deskwire: {why}", file=sys.stderr)
    given: str = click.prompt(f"Password for {username}", hide_input=True, err=True)
    return given
