"""A saved desk, connected: what commands over it do first, and how each fault ends them."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.options import fail
from deskwire.model.problems import (
    Problem,
    StateUnavailable,
    TokenRefused,
    UnknownPlayer,
    WrongCredentials,
)

if TYPE_CHECKING:
    from deskwire.cli.credential_store import CredentialStore, SavedDesk
    from deskwire.cli.desk_session import DeskSession
    from deskwire.client.connection_state import State
    from deskwire.client.sync import Desk

desk_option = click.option(
    "--desk",
    "host",
    metavar="HOST",
    help="The desk, where you are logged in to more than one; else the last one logged in to.",
)


@contextmanager
def open_session(
    host: str | None, on_state: "Callable[[State], None] | None" = None
) -> "Iterator[DeskSession]":
    """Lend the way in to the kept desk; whatever goes wrong ends the command with one line."""
    from deskwire.cli.credential_store import open_credential_store
    from deskwire.cli.desk_session import DeskSession

    with exit_on_problem():
        kept = open_credential_store(os.environ)
        address, desk = select_desk(kept, host)
        with DeskSession(kept, address, desk, on_state) as door:
            yield door


@contextmanager
def connected_desk(host: str | None) -> "Iterator[Desk]":
    """Lend the kept desk, connected; whatever goes wrong ends the command with one line."""
    with open_session(host) as door:
        yield door.enter()


def select_desk(kept: "CredentialStore", host: str | None) -> "tuple[str, SavedDesk]":
    """Return the address of the desk that is meant, and what is kept of it; or end the command."""
    file = kept.read()
    address = file.current if host is None else parse_host(host)
    desk = file.desks.get(address)
    if desk is None:
        which = f"to {host}" if host else "to any desk"
        fail(f"not logged in {which}: `deskwire login {host or 'HOST'}` does that", exits.LOGIN)
    return address, desk


def parse_host(host: str) -> str:
    """Return what was typed as an address, or end the command."""
    from deskwire.client.address import parse_address

    try:
        return parse_address(host)
    except ValueError as problem:
        fail(str(problem), exits.USAGE)


@contextmanager
def exit_on_problem() -> Iterator[None]:
    """End the command with one line and the right exit code for whatever problem is raised."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):  # the latter at a question
        sys.exit(exits.INTERRUPTED)
    except Problem as problem:
        fail(problem.message + advice(problem), exit_code_of(problem))


def exit_code_of(problem: Problem) -> int:
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
    from deskwire.client.problems import CertificateChanged, Unreachable

    match problem:
        case CertificateChanged(seen=seen):
            return (
                "\n  If the desk has a new certificate, compare the fingerprint with what its "
                f"daemon printed,\n  then: deskwire login HOST --fingerprint {seen}\n"
                "  If it has no new one, somebody is between you and it; nothing was sent."
            )
        case WrongCredentials():
            return "; `deskwire login HOST` asks for another password"
        case Unreachable():
            return "; is deskwire running there, and is that its address?"
    return ""
