"""What must never be in a log, of whichever program a test starts and of the tests' own process.

Each log is judged as its program ends, and all of them together when the tests have ended, by every
secret that any test had: so a password of one desk is none of another's log either.
"""

import logging
from collections.abc import Iterable

BUGS = ("never retrieved", "never awaited", "eyJ")
"""The last is how every JWT begins."""
NEVER_IN_A_LOG = ("Traceback", *BUGS)


def judge(log: str, secrets: Iterable[str] = ()) -> None:
    """Fail when a log holds what must never be in one, or one of these secrets."""
    found = [word for word in (*NEVER_IN_A_LOG, *secrets) if word in log]
    assert not found, f"in the log: {found}\n{log}"


class Logs:
    """Every log of these tests, and every secret."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._secrets: set[str] = set()

    def take(self, log: str, secrets: Iterable[str] = ()) -> None:
        """Keep a log and the secrets that were about, and judge it by them."""
        secrets = set(secrets)
        self.keep(log, secrets)
        judge(log, secrets)

    def keep(self, log: str, secrets: Iterable[str] = ()) -> None:
        """Keep it for the end."""
        self._kept += log.splitlines()
        self._secrets.update(secrets)

    def judge(self) -> None:
        """Judge them all by all secrets; to be called at the end."""
        never = (*NEVER_IN_A_LOG, *self._secrets)
        found = [line for line in self._kept if any(word in line for word in never)]
        assert not found, f"in the logs: {found}"


LOGS = Logs()
"""Those of this process's tests."""


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
