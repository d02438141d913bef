"""`deskwire conform`: judge a server by the contract, clause by clause."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.commands.users import password_from_stdin
from deskwire.cli.options import FILE_PATH, fail

if TYPE_CHECKING:
    from deskwire.conformance.check_context import Terms
    from deskwire.conformance.clauses import Chosen
    from deskwire.conformance.trust import Trust

QUICK = 6.0
"""Seconds that any clause may wait with `--quick`."""


@click.command()
@click.argument("url", required=False)
@click.option("--user", default="owner", show_default=True, help="Who logs in.")
@click.option(
    "--watcher",
    metavar="NAME",
    help="Somebody who may watch and not control; the password is asked for after the other.",
)
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input, the watcher's from the second.",
)
@click.option("--insecure", is_flag=True, help="Believe any certificate.")
@click.option("--fingerprint", metavar="SHA256", help="Believe this certificate and no other.")
@click.option(
    "--only", default="", metavar="CLAUSES", help="Judge these: clauses and topics, with commas."
)
@click.option("--without", default="", metavar="CLAUSES", help="Judge all but these.")
@click.option(
    "--lifetime",
    default=1200,
    type=float,
    show_default=True,
    metavar="SECONDS",
    help="How long a websocket token is to live on this server.",
)
@click.option(
    "--warning",
    default=240,
    type=float,
    show_default=True,
    metavar="SECONDS",
    help="How long before its end a session is to be warned on this server.",
)
@click.option(
    "--patience",
    default=60,
    type=float,
    show_default=True,
    metavar="SECONDS",
    help="The longest that one clause may wait; what takes longer is not judged.",
)
@click.option("--quick", is_flag=True, help="Leave out what takes longer than a few seconds.")
@click.option("--disturb", is_flag=True, help="Let tracks be skipped and a player be stopped.")
@click.option("--json", "json_file", type=FILE_PATH, metavar="FILE", help="Write JSON there.")
@click.option("--junit", "junit_file", type=FILE_PATH, metavar="FILE", help="Write JUnit there.")
@click.option("--list", "listing", is_flag=True, help="Print the clauses and judge nothing.")
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
    """Judge the server at URL by the contract, clause by clause.

    It logs in, opens sockets, says right things and wrong ones, and pauses a player and sets it
    going again. The exit code is 0 only if every clause holds; a clause that could not be judged
    does not. A server that does not answer, or does not let the user in, is not judged at all.
    """
    import asyncio

    from deskwire.cli.conformance_report import VerdictTable
    from deskwire.conformance.check_context import Person, Terms
    from deskwire.conformance.checker import judge
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
    owner = Person(user, ask(user))
    terms = Terms(
        owner=owner,
        watcher=None if watcher is None else Person(watcher, ask(watcher)),
        lifetime=lifetime,
        warning=warning,
        patience=QUICK if quick else patience,
        disturb=disturb,
    )
    if quick:
        chosen = [(topic, clause) for topic, clause in chosen if clause.wait(terms) <= QUICK]
    trust = Trust(fingerprint=pinned, insecure=insecure)
    _look_in(url, trust, terms)
    table = VerdictTable(paper)
    table.head()
    findings = asyncio.run(judge(url, trust, terms, chosen, table.add))
    table.end(findings)
    if json_file is not None:
        _write(json_file, as_json(url, findings))
    if junit_file is not None:
        _write(junit_file, as_junit(url, findings))
    if count(findings, Verdict.HOLDS) < len(findings):
        sys.exit(exits.FAILED)


def _look_in(url: str, trust: "Trust", terms: "Terms") -> None:
    """End the command where nothing could be judged, with one line instead of a table of it."""
    import asyncio

    from deskwire.conformance.checker import NotLetIn, look_in
    from deskwire.conformance.http import NobodyThere, NotBelieved

    people = [who for who in (terms.owner, terms.watcher) if who is not None]
    try:
        asyncio.run(look_in(url, trust, people))
    except NobodyThere as problem:
        fail(f"{url}: {problem}", exits.UNREACHABLE)
    except NotBelieved as problem:
        fail(f"{url}: {problem}; --fingerprint or --insecure believes one", exits.UNTRUSTED)
    except NotLetIn as problem:
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
