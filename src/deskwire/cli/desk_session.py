"""Sessions with saved desks, and the exit code for each problem.

A renewed login is saved for the next command. If the desk refuses the saved password, the user is
asked for the new one. A refused password is never sent again, so a changed password costs one
failed login, however long the prompt stays unanswered.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import click
from msgspec.structs import replace

from deskwire.cli import exit_codes
from deskwire.cli.credential_store import CredentialStore, SavedDesk, open_credential_store
from deskwire.cli.exit_codes import fail
from deskwire.client.address import parse_address
from deskwire.client.credentials import Login
from deskwire.client.desk_state import ConnectionState
from deskwire.client.problems import (
    CertificateChanged,
    ClosedByDesk,
    LoginEnded,
    NotADesk,
    NotConnected,
    Unreachable,
    UntrustedCertificate,
)
from deskwire.client.sync import Desk, connect
from deskwire.model.problems import (
    Malformed,
    Problem,
    StateUnavailable,
    TokenRefused,
    UnknownCommand,
    UnknownPlayer,
    UnknownTopic,
    WrongCredentials,
)
from deskwire.terminal.console import MAX_PASSWORD_PROMPTS, ask_for_password, is_interactive

OnState = Callable[[ConnectionState], None]
"""Called with each state of a connection, in the thread of that connection."""


class DeskSession:
    """Connections to one saved desk, with its credentials kept up to date."""

    def __init__(
        self,
        store: CredentialStore,
        address: str,
        desk: SavedDesk,
        on_state: OnState | None = None,
    ) -> None:
        self._store = store
        self._address = address
        self._desk = desk
        self._on_state = on_state
        self._secret = self._saved = store.secret(address)
        self._password = self._secret.password
        self.connection = ExitStack()

    @property
    def username(self) -> str:
        """User at the desk."""
        return self._desk.username

    def connect(self, *, wait: bool = False, prompts: int = 0) -> Desk:
        """Return a connected desk. Ask for the password if it is unknown or wrong.

        `wait` keeps trying while the desk is unreachable. `prompts` counts earlier prompts.
        """
        while True:
            try:
                return self._connect(wait=wait)
            except WrongCredentials as problem:
                if prompts == MAX_PASSWORD_PROMPTS or not sys.stdin.isatty():
                    raise
                self._password = ask_for_password(self.username, problem)
                prompts += 1

    def reconnect_after(self, problem: WrongCredentials) -> Desk:
        """Ask for the new password and reconnect. Raise `problem` if no user can answer."""
        if not is_interactive():
            raise problem
        known = self._password is not None
        reason = f"the desk ended this login; {problem}" if known else "the desk ended this login"
        self._password = ask_for_password(self.username, Problem(reason))
        return self.connect(wait=True, prompts=1)

    def connect_with(self, password: str) -> Desk:
        """Return a desk connected with this password, or raise `WrongCredentials`."""
        self._password = password
        return self._connect(wait=True)

    def _connect(self, *, wait: bool) -> Desk:
        self.connection.close()
        desk = self.connection.enter_context(
            connect(
                self._address,
                self.username,
                no_password if self._password is None else self._password,
                trust=self._desk.trust,
                login=self._secret.login,
                keep_login=self._keep_login,
                on_state=self._on_state,
                keep_trying=wait,
            )
        )
        if self._secret.password is not None:
            self._secret = replace(self._secret, password=self._password)
        self.save()
        return desk

    def _keep_login(self, login: Login) -> None:
        self._secret = replace(self._secret, login=login)

    def save(self) -> None:
        """Save credentials that have changed."""
        if self._secret != self._saved:
            self._store.save_secret(self._address, self._secret)
            self._saved = self._secret


async def no_password(_: Problem | None) -> None:
    """Answer the client's request for a password: none is saved."""


@contextmanager
def open_session(host: str | None, on_state: OnState | None = None) -> Iterator[DeskSession]:
    """Open a session with a saved desk, not yet connected. A problem ends the command."""
    with exit_on_problem():
        store = open_credential_store(os.environ)
        address, desk = select_desk(store, host)
        session = DeskSession(store, address, desk, on_state)
        try:
            with session.connection:
                yield session
        finally:
            session.save()


@contextmanager
def connected_desk(host: str | None) -> Iterator[Desk]:
    """Connect to a saved desk. A problem ends the command."""
    with open_session(host) as session:
        yield session.connect()


def select_desk(store: CredentialStore, host: str | None) -> tuple[str, SavedDesk]:
    """Return the address and the entry of the desk to use, or end the command."""
    file = store.read()
    address = file.current if host is None else parse_host(host)
    desk = file.desks.get(address)
    if desk is None:
        which = host or "any desk"
        fail(f"not logged in to {which}; run `deskwire login {host or 'HOST'}`", exit_codes.LOGIN)
    return address, desk


def parse_host(host: str) -> str:
    """Return the address of a typed host, or end the command."""
    try:
        return parse_address(host)
    except ValueError as problem:
        fail(str(problem), exit_codes.USAGE)


@contextmanager
def exit_on_problem() -> Iterator[None]:
    """End the command with one line and an exit code for any `Problem` raised inside."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):  # click raises the latter at a prompt
        sys.exit(exit_codes.INTERRUPTED)
    except Problem as problem:
        fail(problem.message + advice(problem), exit_code_of(problem))


EXIT_CODES: tuple[tuple[tuple[type[Problem], ...], int], ...] = (
    ((WrongCredentials, TokenRefused, LoginEnded), exit_codes.LOGIN),
    ((UntrustedCertificate,), exit_codes.UNTRUSTED),
    ((Unreachable, NotADesk, NotConnected, ClosedByDesk), exit_codes.UNREACHABLE),
    ((UnknownPlayer,), exit_codes.PLAYER),
    ((Malformed, UnknownCommand, UnknownTopic), exit_codes.USAGE),
    ((StateUnavailable,), exit_codes.STATE),
)


def exit_code_of(problem: Problem) -> int:
    """Return the exit code for a problem."""
    codes = (code for kinds, code in EXIT_CODES if isinstance(problem, kinds))
    return next(codes, exit_codes.FAILED)


def advice(problem: Problem) -> str:
    """Return the next step for the user, to follow the message of a problem."""
    match problem:
        case CertificateChanged(seen=seen):
            return (
                "\n  If the desk has a new certificate, compare the fingerprint with the one that "
                f"its daemon printed,\n  then run: deskwire login HOST --fingerprint {seen}\n"
                "  If it has not, another machine answers in its place; deskwire sent nothing."
            )
        case WrongCredentials():
            return "; run `deskwire login HOST` to enter another password"
        case Unreachable():
            return "; check that deskwire runs there and that this is its address"
    return ""
