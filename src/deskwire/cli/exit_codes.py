"""Exit codes of all commands. They are stable and part of the reference."""

import sys
from typing import NoReturn

from deskwire.model.text import printable

OK = 0
FAILED = 1
USAGE = 2
PORT = 3
STATE = 4
LOGIN = 5
UNREACHABLE = 6
UNTRUSTED = 7
PLAYER = 8
INTERRUPTED = 130

MEANINGS = {
    OK: "Success",
    FAILED: "The command failed",
    USAGE: "Wrong command line or wrong setting",
    PORT: "The address or the port is not available",
    STATE: "The state directory or a file in it cannot be used",
    LOGIN: "Not logged in, login ended, or wrong password",
    UNREACHABLE: "The desk does not answer, or the server is not a desk",
    UNTRUSTED: "The certificate is not trusted, or it is not the saved one",
    PLAYER: "No player matches, or more than one does",
    INTERRUPTED: "Interrupted by Ctrl-C",
}


def fail(message: str, code: int) -> NoReturn:
    """Print a message on standard error and exit with `code`; it may quote a peer."""
    print("\n".join(map(printable, f"deskwire: {message}".split("\n"))), file=sys.stderr)
    sys.exit(code)


def require_terminal() -> None:
    """Fail if standard input is not a terminal, because no prompt can be answered then."""
    if not sys.stdin.isatty():
        fail("cannot ask for a password without a terminal; use --password-stdin", USAGE)
