"""A kept desk, reached: what every command over the library does first, and how each fault ends it.

A login that had to be made anew is kept for the next command; a password that no longer fits is
asked for on the terminal, and kept instead of the old one if that one was kept.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from deskwire.cli import exits
from deskwire.cli.settled import stop
from deskwire.model.problems import (
    Problem,
    StateUnavailable,
    TokenRefused,
    UnknownPlayer,
    WrongCredentials,
)

if TYPE_CHECKING:
    from deskwire.cli.kept import Kept, KeptDesk
    from deskwire.client.credentials import Login
    from deskwire.client.state import State
    from deskwire.client.sync import Desk

ASKED_AT_MOST = 3

desk_option = click.option(
    "--desk",
    "host",
    metavar="HOST",
    help="The desk, where you are logged in to more than one; else the last one logged in to.",
)


class Doorkeeper:
    """Knows the kept secrets of one desk, asks for what is missing, keeps what is new."""

    def __init__(self, kept: "Kept", address: str, desk: "KeptDesk") -> None:
        self._kept = kept
        self._address = address
        self._desk = desk
        self._secret = kept.secret(address)
        self._before = self._secret
        self._password = self._secret.password

    def enter(
        self, stack: ExitStack, on_state: "Callable[[State], None] | None", *, wait: bool
    ) -> "Desk":
        """Return the desk, entered; asks for the password where it is not known or wrong."""
        from deskwire.client.sync import connect

        asked = 0
        while True:
            desk = connect(
                self._address,
                self._desk.username,
                nobody if self._password is None else self._password,
                trust=self._desk.trust,
                login=self._secret.login,
                keep_login=self._keep,
                on_state=on_state,
                keep_trying=wait,
            )
            try:
                return stack.enter_context(desk)
            except WrongCredentials as why:
                if asked == ASKED_AT_MOST or not sys.stdin.isatty():
                    raise
                self._password = ask_for_password(self._desk.username, why)
                asked += 1

    def save(self) -> None:
        """Keep what is new; a password only in the place of one."""
        from msgspec.structs import replace

        if self._secret.password is not None:
            self._secret = replace(self._secret, password=self._password)
        if self._secret != self._before:
            self._kept.keep_secret(self._address, self._secret)
            self._before = self._secret

    def _keep(self, login: "Login") -> None:
        from msgspec.structs import replace

        self._secret = replace(self._secret, login=login)


async def nobody(_: Problem | None) -> None:
    """Be asked for a password that is not kept, and know none."""


@contextmanager
def reached(
    host: str | None,
    *,
    on_state: "Callable[[State], None] | None" = None,
    wait: bool = False,
) -> "Iterator[Desk]":
    """Lend the kept desk, connected; whatever goes wrong ends the command with one line.

    `wait`: also for a desk that is not there yet.
    """
    from deskwire.cli.kept import kept_desks

    with told():
        kept = kept_desks(os.environ)
        address, desk = chosen(kept, host)
        doorkeeper = Doorkeeper(kept, address, desk)
        with ExitStack() as stack:
            entered = doorkeeper.enter(stack, on_state, wait=wait)
            try:
                doorkeeper.save()
                yield entered
            finally:
                doorkeeper.save()


def chosen(kept: "Kept", host: str | None) -> "tuple[str, KeptDesk]":
    """Return the address of the desk that is meant, and what is kept of it; or end the command."""
    file = kept.read()
    address = file.current if host is None else address_of(host)
    desk = file.desks.get(address)
    if desk is None:
        which = f"to {host}" if host else "to any desk"
        stop(f"not logged in {which}: `deskwire login {host or 'HOST'}` does that", exits.LOGIN)
    return address, desk


def address_of(host: str) -> str:
    """Return what was typed as an address, or end the command."""
    from deskwire.client.address import parse_address

    try:
        return parse_address(host)
    except ValueError as problem:
        stop(str(problem), exits.USAGE)


@contextmanager
def told() -> Iterator[None]:
    """End the command with one line and the right exit code for whatever problem is raised."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(exits.INTERRUPTED)
    except Problem as problem:
        stop(problem.message + advice(problem), code_of(problem))


def code_of(problem: Problem) -> int:
    """Return the exit code that a problem ends a command with."""
    from deskwire.client.problems import (
        ClosedByDesk,
        LoginEnded,
        NotADesk,
        NotConnected,
        Unreachable,
        UntrustedCertificate,
    )

    match problem:
        case WrongCredentials() | TokenRefused() | LoginEnded():
            return exits.LOGIN
        case UntrustedCertificate():
            return exits.UNTRUSTED
        case Unreachable() | NotADesk() | NotConnected() | ClosedByDesk():
            return exits.UNREACHABLE
        case UnknownPlayer():
            return exits.PLAYER
        case StateUnavailable():
            return exits.STATE
    return exits.FAILED


def advice(problem: Problem) -> str:
    """Say what a person can do about it."""
    from deskwire.client.problems import CertificateChanged

    match problem:
        case CertificateChanged(seen=seen):
            return (
                "\n  If the desk has a new certificate, compare the fingerprint with what its "
                f"daemon printed,\n  then: deskwire login HOST --fingerprint {seen}\n"
                "  If it has none, somebody is between you and it; nothing was sent."
            )
        case WrongCredentials():
            return "; `deskwire login HOST` asks for another password"
    return ""


def ask_for_password(username: str, why: Problem | None) -> str:
    """Ask on the terminal, without showing what is typed."""
    if why is not None:
        print(f"deskwire: {why}", file=sys.stderr)
    given: str = click.prompt(f"Password for {username}", hide_input=True, err=True)
    return given
