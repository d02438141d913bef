"""Commands `deskwire login` and `deskwire logout`.

The first login decides which certificate is trusted. If this system's authorities do not sign the
desk's certificate, the user compares its fingerprint once. Any other certificate is then refused.
"""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import click
from msgspec.structs import replace

from deskwire.cli import exit_codes
from deskwire.cli.credential_store import SavedDesk, SavedDesks, Secret, open_credential_store
from deskwire.cli.desk_session import exit_on_problem, parse_host, select_desk
from deskwire.cli.exit_codes import fail, require_terminal
from deskwire.cli.options import FILE, desk_option, password_option
from deskwire.client.address import host_and_port
from deskwire.client.credentials import Login
from deskwire.client.http import Http
from deskwire.client.sync import connect
from deskwire.client.trust import (
    Pinned,
    Trust,
    format_fingerprint,
    is_trusted_by_system,
    make_context,
    read_certificate,
)
from deskwire.daemon.config.load import is_loopback
from deskwire.model.problems import Problem, WrongCredentials
from deskwire.model.units import Seconds
from deskwire.terminal.console import MAX_PASSWORD_PROMPTS, ask_for_password, read_password_line

LOGOUT_TIMEOUT = Seconds(5)


@click.command()
@click.argument("host")
@click.option("--user", default="owner", show_default=True, help="User at the desk.")
@password_option
@click.option(
    "--fingerprint",
    metavar="SHA256",
    help="Trust this certificate only. The daemon prints its fingerprint when it starts.",
)
@click.option(
    "--ca", type=FILE, metavar="FILE", help="Trust the authorities in this PEM file only."
)
@click.option(
    "--forget-password",
    is_flag=True,
    help="Save the login without the password. The next prompt comes when the login ends.",
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
    """Log in to a desk, for the commands that watch and control it.

    HOST is a name or an address, with port 8765 unless it names one, or a whole URL. The first time
    the command shows the fingerprint of the desk's certificate: compare it with the one that the
    daemon printed. Password and login are saved in the keyring, or in a file that only you can
    read.
    """
    address = parse_host(host)
    with exit_on_problem():
        store = open_credential_store(os.environ)
        if not password_stdin:
            require_terminal()
        desk = replace(trusted_desk(address, fingerprint, ca, store.read()), username=user)
        password = read_password_line() if password_stdin else ask_for_password(user)
        logins: list[Login] = []
        for left in reversed(range(1 if password_stdin else MAX_PASSWORD_PROMPTS)):
            try:
                with connect(address, user, password, trust=desk.trust, keep_login=logins.append):
                    break
            except WrongCredentials as problem:
                if not left:
                    fail(problem.message, exit_codes.LOGIN)
                password = ask_for_password(user, problem)
        previous = store.secret(address).login
        secret = Secret(None if forget_password else password, logins[-1])
        place = store.save(address, desk, secret)
        if previous is not None:
            with suppress(Problem):
                asyncio.run(end_login(address, desk.trust, previous))
    print(f"logged in to {address} as {user}; credentials saved in {place}")


@click.command()
@desk_option
def logout(host: str | None) -> None:
    """Log out of a desk and forget it.

    A desk that does not answer is forgotten too. Its login then ends by itself, or with
    `deskwire logins --end` on the desk.
    """
    with exit_on_problem():
        store = open_credential_store(os.environ)
        address, desk = select_desk(store, host)
        saved = store.secret(address).login
        store.delete(address)
        if saved is not None:
            asyncio.run(end_login(address, desk.trust, saved))
    print(f"logged out of {address}")


async def end_login(address: str, trust: Trust, saved: Login) -> None:
    """End a login on its desk."""
    http = Http(address, trust, make_context(trust), LOGOUT_TIMEOUT)
    try:
        await http.log_out(saved)
    finally:
        await http.leave()


def trusted_desk(
    address: str, fingerprint: str | None, ca: Path | None, file: SavedDesks
) -> SavedDesk:
    """Return a desk without a username that says which certificate is trusted, or fail."""
    desk = SavedDesk(username="")
    if not address.startswith("https:"):
        if fingerprint or ca or not is_loopback(host_and_port(address)[0]):
            fail("a desk on another machine needs https://", exit_codes.UNTRUSTED)
        return desk
    if fingerprint is not None:
        try:
            return replace(desk, fingerprint=Pinned(fingerprint).sha256)
        except ValueError as problem:
            fail(f"--fingerprint: {problem}", exit_codes.USAGE)
    if ca is not None:
        return replace(desk, ca_file=str(ca.absolute()))
    known = file.desks.get(address)
    if known is not None and known.fingerprint:
        return known
    return confirm_certificate(address, desk)


def confirm_certificate(address: str, desk: SavedDesk) -> SavedDesk:
    """Let the user compare the fingerprint of an unknown certificate, or fail."""
    if asyncio.run(is_trusted_by_system(address)):
        return desk
    seen = asyncio.run(read_certificate(address))
    fingerprint = format_fingerprint(seen)
    text = f"no known authority signs the certificate of {address}, SHA-256\n  {fingerprint}"
    if not sys.stdin.isatty():
        fail(
            f"{text}\n  If its daemon printed the same, add: --fingerprint {fingerprint}",
            exit_codes.UNTRUSTED,
        )
    print(text, file=sys.stderr)
    if not click.confirm("Did its daemon print this fingerprint when it started?", err=True):
        fail("not logged in: you did not accept the certificate", exit_codes.UNTRUSTED)
    return replace(desk, fingerprint=seen)
