"""What must never be in a log, of whichever daemon a test starts and of the tests' own process."""

import logging
from collections.abc import Iterable

BUGS = ("never retrieved", "never awaited", "eyJ")
"""The last is how every JWT begins."""
NEVER_IN_A_LOG = ("Traceback", *BUGS)


def judge(log: str, secrets: Iterable[str] = ()) -> None:
    """Fail when a log holds what must never be in one, or one of these secrets."""
    found = [word for word in (*NEVER_IN_A_LOG, *secrets) if word in log]
    assert not found, f"in the log: {found}\n{log}"


class Watchman(logging.Handler):
    """Keeps what is logged in this process and must never be; a traceback may be a test's own."""

    def __init__(self) -> None:
        super().__init__()
        self.caught: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record."""
        said = self.format(record)
        if any(word in said for word in BUGS):
            self.caught.append(f"{record.name}: {said}")
