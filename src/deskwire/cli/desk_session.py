"""The way in to one kept desk, as often as it takes.

A login that had to be made anew is kept for the next command. A password that no longer fits is
asked for, and kept instead of the old one if that one was kept; one that was wrong is not tried
again, so a changed password costs a desk one wrong try, however long nobody answers.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from deskwire.model.problems import Problem, WrongCredentials
from deskwire.terminal.prompts import MAX_PASSWORD_ATTEMPTS, ask_for_password, is_interactive

if TYPE_CHECKING:
    from deskwire.cli.credential_store import CredentialStore, SavedDesk
    from deskwire.client.connection_state import State
    from deskwire.client.credentials import Login
    from deskwire.client.sync import Desk


class DeskSession:
    """Knows the kept secrets of one desk, asks for what is missing, keeps what is new."""

    def __init__(
        self,
        kept: "CredentialStore",
        address: str,
        desk: "SavedDesk",
        on_state: "Callable[[State], None] | None" = None,
    ) -> None:
        """`on_state` is told how each connection is, in the connection's own thread."""
        self._kept = kept
        self._address = address
        self._desk = desk
        self._on_state = on_state
        self._secret = kept.secret(address)
        self._before = self._secret
        self._password = self._secret.password
        self._entered = ExitStack()

    @property
    def username(self) -> str:
        """Who goes in."""
        return self._desk.username

    def enter(self, *, wait: bool = False, asked: int = 0) -> "Desk":
        """Return the desk, entered; asks for the password where it is not known or wrong.

        `wait`: also for a desk that is not there yet.
        """
        while True:
            try:
                return self._enter(wait=wait)
            except WrongCredentials as why:
                if asked == MAX_PASSWORD_ATTEMPTS or not sys.stdin.isatty():
                    raise
                self._password = ask_for_password(self.username, why)
                asked += 1

    def enter_again(self, why: WrongCredentials) -> "Desk":
        """Return the desk, entered anew with what a person says the password is now.

        Raises `why` where nobody is there to be asked.
        """
        if not is_interactive():
            raise why
        known = self._password is not None
        words = f"the desk ended this login; {why}" if known else "the desk ended this login"
        self._password = ask_for_password(self.username, Problem(words))
        return self.enter(wait=True, asked=1)

    def try_password(self, password: str) -> "Desk":
        """Return the desk, entered anew with this; raises `WrongCredentials`."""
        self._password = password
        return self._enter(wait=True)

    def _enter(self, *, wait: bool) -> "Desk":
        from msgspec.structs import replace

        from deskwire.client.sync import connect

        self._entered.close()
        desk = self._entered.enter_context(
            connect(
                self._address,
                self.username,
                no_password if self._password is None else self._password,
                trust=self._desk.trust,
                login=self._secret.login,
                keep_login=self._keep,
                on_state=self._on_state,
                keep_trying=wait,
            )
        )
        if self._secret.password is not None:
            self._secret = replace(self._secret, password=self._password)
        self._save()
        return desk

    def _save(self) -> None:
        """Keep what is new."""
        if self._secret != self._before:
            self._kept.keep_secret(self._address, self._secret)
            self._before = self._secret

    def _keep(self, login: "Login") -> None:
        from msgspec.structs import replace

        self._secret = replace(self._secret, login=login)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._entered.__exit__(kind, problem, trace)
        finally:
            self._save()


async def no_password(_: Problem | None) -> None:
    """Be asked for a password that is not kept, and know none."""
