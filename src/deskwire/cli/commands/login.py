"""`deskwire login` and `deskwire logout`: the desks this person's other commands may reach.

Whose certificate is believed is settled here, once: this system's authorities if they vouch for
the desk, else the certificate itself, after a person has compared its fingerprint. From then on
another certificate is refused.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.commands.users import password_from_stdin
from deskwire.cli.connect import desk_option, exit_on_problem, parse_host, select_desk
from deskwire.cli.options import FILE_PATH, fail
from deskwire.model.problems import Problem, WrongCredentials
from deskwire.terminal.prompts import MAX_PASSWORD_ATTEMPTS, ask_for_password

if TYPE_CHECKING:
    from deskwire.cli.credential_store import SavedDesk, SavedDesks
    from deskwire.client.credentials import Login
    from deskwire.client.trust import Trust


@click.command()
@click.argument("host")
@click.option("--user", default="owner", show_default=True, help="Who you are at that desk.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input instead of asking for it.",
)
@click.option(
    "--fingerprint",
    metavar="SHA256",
    help="Believe this certificate and no other; the daemon prints it when it starts.",
)
@click.option(
    "--ca",
    type=FILE_PATH,
    metavar="FILE",
    help="Believe the authorities in this PEM file and no other.",
)
@click.option(
    "--forget-password",
    is_flag=True,
    help="Keep the login, not the password: it is asked for again when the login ends.",
)
def login(
    *,
    host: str,
    user: str,
    password_stdin: bool,
    fingerprint: str | None,
    ca: Path | None,
    forget_password: bool,
) -> None:
    """Log in to a desk, for the commands that watch and move it.

    HOST is a name or an address (port 8765 if it names none), or a whole URL. The first time, the
    fingerprint of the desk's certificate is shown: compare it with what the daemon printed.
    The password and the login are kept in the keyring, or in a file only you can read.
    """
    import asyncio

    from msgspec.structs import replace

    from deskwire.cli.credential_store import Secret, open_credential_store
    from deskwire.client.sync import connect

    address = parse_host(host)
    with exit_on_problem():
        kept = open_credential_store(os.environ)
        if not (password_stdin or sys.stdin.isatty()):
            fail("there is no terminal to ask for a password on: use --password-stdin", exits.USAGE)
        desk = replace(believed(address, fingerprint, ca, kept.read()), username=user)
        password = password_from_stdin() if password_stdin else ask_for_password(user, None)
        logins: list[Login] = []
        for left in reversed(range(1 if password_stdin else MAX_PASSWORD_ATTEMPTS)):
            try:
                with connect(address, user, password, trust=desk.trust, keep_login=logins.append):
                    break
            except WrongCredentials as why:
                if not left:
                    fail(why.message, exits.LOGIN)
                password = ask_for_password(user, why)
        before = kept.secret(address).login
        secret = Secret(None if forget_password else password, logins[-1])
        where = kept.keep(address, desk, secret)
        if before is not None:
            with suppress(Problem):
                asyncio.run(end_login(address, desk.trust, before))
    print(f"logged in to {address} as {user}; kept in {where}")


@click.command()
@desk_option
def logout(host: str | None) -> None:
    """Log out of a desk, and keep nothing of it.

    A desk that does not answer is forgotten all the same; the login it has then ends by itself, or
    by `deskwire logins --end` there.
    """
    import asyncio

    from deskwire.cli.credential_store import open_credential_store

    with exit_on_problem():
        kept = open_credential_store(os.environ)
        address, desk = select_desk(kept, host)
        kept_login = kept.secret(address).login
        kept.forget(address)
        if kept_login is not None:
            asyncio.run(end_login(address, desk.trust, kept_login))
    print(f"logged out of {address}")


async def end_login(address: str, trust: "Trust", kept_login: "Login") -> None:
    """End a login at its desk."""
    from deskwire.client.http import Http
    from deskwire.client.trust import context_of
    from deskwire.model.units import Seconds

    http = Http(address, trust, context_of(trust), Seconds(5))
    try:
        await http.log_out(kept_login)
    finally:
        await http.leave()


def believed(
    address: str, fingerprint: str | None, ca: Path | None, file: "SavedDesks"
) -> "SavedDesk":
    """Settle whose certificate is believed; or end the command."""
    from msgspec.structs import replace

    from deskwire.cli.credential_store import SavedDesk
    from deskwire.client.trust import Pinned

    desk = SavedDesk(username="")
    if not address.startswith("https:"):
        if fingerprint or ca or not is_here(address):
            fail("a desk elsewhere is reached with https:// only", exits.UNTRUSTED)
        return desk
    if fingerprint is not None:
        try:
            return replace(desk, fingerprint=Pinned(fingerprint).sha256)
        except ValueError as problem:
            fail(f"--fingerprint: {problem}", exits.USAGE)
    if ca is not None:
        return replace(desk, ca_file=str(ca.absolute()))
    known = file.desks.get(address)
    if known is not None and known.fingerprint:
        return known
    return first_look(address, desk)


def first_look(address: str, desk: "SavedDesk") -> "SavedDesk":
    """Look at the certificate of a desk that is new to us; or end the command."""
    import asyncio

    from msgspec.structs import replace

    from deskwire.client.trust import is_vouched_for, look_at_certificate, shown

    if asyncio.run(is_vouched_for(address)):
        return desk
    seen = asyncio.run(look_at_certificate(address))
    words = f"{address} shows a certificate nobody vouches for, SHA-256\n  {shown(seen)}"
    if not sys.stdin.isatty():
        fail(
            f"{words}\n  If that is what its daemon printed, add: --fingerprint {shown(seen)}",
            exits.UNTRUSTED,
        )
    print(words, file=sys.stderr)
    if not click.confirm("Is this what its daemon printed when it started?", err=True):
        fail("not logged in: the certificate is not believed", exits.UNTRUSTED)
    return replace(desk, fingerprint=seen)


def is_here(address: str) -> bool:
    """Tell whether an address is this machine's own."""
    import ipaddress

    from deskwire.client.address import host_and_port

    host, _ = host_and_port(address)
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
