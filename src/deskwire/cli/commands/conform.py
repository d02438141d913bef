"""The `deskwire conform` command: check a server against the contract, clause by clause."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.commands.users import password_from_stdin
from deskwire.cli.options import FILE_PATH, fail

if TYPE_CHECKING:
    from deskwire.conformance.check_context import CheckOptions
    from deskwire.conformance.clauses import Chosen
    from deskwire.conformance.trust import Trust

QUICK = 6.0
"""Seconds that any clause may wait with `--quick`."""


@click.command()
@click.argument("url", required=False)
@click.option("--user", default="owner", show_default=True, help="User name to log in with.")
@click.option(
    "--watcher",
    metavar="NAME",
    help="A user with the scope `monitor` only; the password is asked for after the other.",
)
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input, the watcher's from the second.",
)
@click.option("--insecure", is_flag=True, help="Believe any certificate.")
@click.option("--fingerprint", metavar="SHA256", help="Believe this certificate and no other.")
@click.option(
    "--only",
    default="",
    metavar="CLAUSES",
    help="Check only these clauses and topics, separated by commas.",
)
@click.option(
    "--without", default="", metavar="CLAUSES", help="Leave out these clauses and topics."
)
@click.option(
    "--lifetime",
    default=1200,
    type=float,
    show_default=True,
    metavar="SECONDS",
    help="Lifetime of a WebSocket token on this server.",
)
@click.option(
    "--warning",
    default=240,
    type=float,
    show_default=True,
    metavar="SECONDS",
    help="Time before its end at which this server warns a session.",
)
@click.option(
    "--patience",
    default=60,
    type=float,
    show_default=True,
    metavar="SECONDS",
    help="The longest that one clause may wait; clauses that take longer are not checked.",
)
@click.option("--quick", is_flag=True, help="Leave out what takes longer than a few seconds.")
@click.option("--disturb", is_flag=True, help="Let tracks be skipped and a player be stopped.")
@click.option("--json", "json_file", type=FILE_PATH, metavar="FILE", help="Write JSON there.")
@click.option("--junit", "junit_file", type=FILE_PATH, metavar="FILE", help="Write JUnit there.")
@click.option("--list", "listing", is_flag=True, help="Print the clauses and exit.")
def conform(
    *,
    url: str | None,
    user: str,
    watcher: str | None,
    password_stdin: bool,
    insecure: bool,
    fingerprint: str | None,
    only: str,
    without: str,
    lifetime: float,
    warning: float,
    patience: float,
    quick: bool,
    disturb: bool,
    json_file: Path | None,
    junit_file: Path | None,
    listing: bool,
) -> None:
    """Check the server at URL against the contract, clause by clause.

    It logs in, opens sockets, says right things and wrong ones, and pauses a player and sets it
    going again. The exit code is 0 only if every clause holds; a clause that could not be checked
    does not. A server that does not answer, or does not let the user in, is not checked at all.
    """
    import asyncio

    from deskwire.cli.conformance_report import VerdictTable
    from deskwire.conformance.check_context import Account, CheckOptions
    from deskwire.conformance.checker import run_checks
    from deskwire.conformance.clause import Verdict
    from deskwire.conformance.report import as_json, as_junit, count
    from deskwire.conformance.trust import Trust, parse_fingerprint
    from deskwire.terminal.console import Console

    chosen = _choose(only, without)
    paper = Console()
    if listing:
        for _, clause in chosen:
            paper.write(f"{clause.number:6}{clause.text} ({clause.source})")
        return
    if url is None or not url.startswith(("https://", "http://")):
        fail(f"URL: expected https://… or http://…, found {url or 'nothing'}", exits.USAGE)
    try:
        pinned = None if fingerprint is None else parse_fingerprint(fingerprint)
    except ValueError as problem:
        fail(f"--fingerprint: {problem}", exits.USAGE)
    ask = _read_password if password_stdin else _ask_password
    owner = Account(user, ask(user))
    options = CheckOptions(
        owner=owner,
        watcher=None if watcher is None else Account(watcher, ask(watcher)),
        lifetime=lifetime,
        warning=warning,
        patience=QUICK if quick else patience,
        disturb=disturb,
    )
    if quick:
        chosen = [(topic, clause) for topic, clause in chosen if clause.wait(options) <= QUICK]
    trust = Trust(fingerprint=pinned, insecure=insecure)
    _look_in(url, trust, options)
    table = VerdictTable(paper)
    table.head()
    findings = asyncio.run(run_checks(url, trust, options, chosen, table.add))
    table.end(findings)
    if json_file is not None:
        _write(json_file, as_json(url, findings))
    if junit_file is not None:
        _write(junit_file, as_junit(url, findings))
    if count(findings, Verdict.HOLDS) < len(findings):
        sys.exit(exits.FAILED)


def _look_in(url: str, trust: "Trust", options: "CheckOptions") -> None:
    """End the command with one line if no clause can be checked."""
    import asyncio

    from deskwire.conformance.checker import LoginRefused, check_access
    from deskwire.conformance.http import CertificateNotTrusted, ServerUnreachable

    people = [who for who in (options.owner, options.watcher) if who is not None]
    try:
        asyncio.run(check_access(url, trust, people))
    except ServerUnreachable as problem:
        fail(f"{url}: {problem}", exits.UNREACHABLE)
    except CertificateNotTrusted as problem:
        fail(f"{url}: {problem}; --fingerprint or --insecure believes one", exits.UNTRUSTED)
    except LoginRefused as problem:
        fail(str(problem), exits.LOGIN)


def _choose(only: str, without: str) -> "Chosen":
    from deskwire.conformance.clauses import choose

    try:
        return choose(only, without)
    except ValueError as problem:
        fail(f"no clause and no topic is named {str(problem)!r}; --list prints them", exits.USAGE)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as problem:
        fail(f"{file}: {(problem.strerror or 'error').lower()}", exits.FAILED)


def _read_password(_: str) -> str:
    return password_from_stdin()


def _ask_password(name: str) -> str:
    if not sys.stdin.isatty():
        fail("there is no terminal to ask for a password on: use --password-stdin", exits.USAGE)
    given: str = click.prompt(f"Password of {name}", hide_input=True)
    return given
