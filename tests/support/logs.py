"""Search of all logs for tracebacks, unhandled failures, tokens and passwords.

The log of a program is checked when the program ends, and all logs again after the last test, for
the secrets of all tests. So the password of one desk is also found in the log of another.
"""

import logging
from collections.abc import Iterable

UNHANDLED = ("never retrieved", "never awaited")
TOKEN = "eyJ"
"""Start of every JWT."""
FORBIDDEN = ("Traceback", *UNHANDLED, TOKEN)


def check_log(log: str, secrets: Iterable[str] = ()) -> None:
    """Fail if a log holds a forbidden text or one of these secrets."""
    found = [text for text in (*FORBIDDEN, *secrets) if text in log]
    assert not found, f"in the log: {found}\n{log}"


class LogCollection:
    """Logs and secrets of many tests."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._secrets: set[str] = set()

    def add(self, log: str, secrets: Iterable[str] = ()) -> None:
        """Keep a log and the secrets of its test for `check()`."""
        self._lines += log.splitlines()
        self._secrets.update(secrets)

    def add_and_check(self, log: str, secrets: Iterable[str] = ()) -> None:
        """Keep a log, and check it for the secrets of its test."""
        secrets = set(secrets)
        self.add(log, secrets)
        check_log(log, secrets)

    def check(self) -> None:
        """Check all logs for all secrets."""
        forbidden = (*FORBIDDEN, *self._secrets)
        found = [line for line in self._lines if any(text in line for text in forbidden)]
        assert not found, f"in the logs: {found}"


LOGS = LogCollection()
"""Logs of all programs that this process has started."""


class LogWatcher(logging.Handler):
    """Handler that collects forbidden lines of this process; a test may log a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.caught: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if any(text in line for text in (*UNHANDLED, TOKEN)):
            self.caught.append(f"{record.name}: {line}")
