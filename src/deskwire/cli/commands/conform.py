"""Command `deskwire conform`: checks a server against the contract, clause by clause."""

import asyncio
import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import click

from deskwire.cli import exit_codes
from deskwire.cli.exit_codes import fail, require_terminal
from deskwire.cli.options import FILE, seconds_option
from deskwire.conformance.check_context import Account, CheckOptions
from deskwire.conformance.checker import LoginRefused, check_access, run_checks
from deskwire.conformance.clause import Finding, Verdict
from deskwire.conformance.clauses import Chosen, choose
from deskwire.conformance.http import (
    CertificateNotTrusted,
    ServerUnreachable,
    Trust,
    parse_fingerprint,
)
from deskwire.conformance.report import as_json, as_junit, count
from deskwire.terminal.console import Colour, Console, ask_for_password, read_password_line

QUICK = 6.0
"""Longest wait of a clause with `--quick`, in seconds."""

MARKS = {Verdict.HOLDS: "holds", Verdict.BROKEN: "BROKEN", Verdict.NOT_CHECKED: "not checked"}
COLOURS = {
    Verdict.HOLDS: Colour.GREEN,
    Verdict.BROKEN: Colour.RED,
    Verdict.NOT_CHECKED: Colour.YELLOW,
}
NUMBER_WIDTH, MARK_WIDTH, GAP = 6, 12, 2
MIN_WIDTH = 80


class VerdictTable:
    """Table of findings, written row by row."""

    def __init__(self, console: Console, width: int | None = None) -> None:
        self._console = console
        total = max(MIN_WIDTH, width or shutil.get_terminal_size((120, 24)).columns)
        texts = total - NUMBER_WIDTH - MARK_WIDTH - GAP
        self._expected_width = texts * 3 // 5
        self._seen_width = texts - self._expected_width

    def write_header(self) -> None:
        """Write the names of the columns."""
        self._console.write(self._row("clause", "", "expected", "seen"))

    def add(self, finding: Finding) -> None:
        """Write one finding, on as many lines as it needs."""
        number, mark = finding.clause.number, f"{MARKS[finding.verdict]:{MARK_WIDTH}}"
        mark = self._console.paint(mark, COLOURS[finding.verdict])
        expected = textwrap.wrap(finding.clause.text, self._expected_width)
        seen = textwrap.wrap(finding.seen, self._seen_width)
        for left, right in zip_longest(expected, seen, fillvalue=""):
            self._console.write(self._row(number, mark, left, right))
            number = mark = ""

    def write_summary(self, findings: Sequence[Finding]) -> None:
        """Write the number of findings with each verdict."""
        parts = [f"{count(findings, verdict)} {verdict.value}" for verdict in Verdict]
        self._console.write("")
        self._console.write(", ".join(parts))

    def _row(self, number: str, mark: str, expected: str, seen: str) -> str:
        left = f"{number:{NUMBER_WIDTH}}{mark or ' ' * MARK_WIDTH}{expected:{self._expected_width}}"
        return f"{left}{' ' * GAP}{seen}".rstrip()


@click.command()
@click.argument("url", required=False)
@click.option("--user", default="owner", show_default=True, help="User to log in as.")
@click.option(
    "--watcher",
    metavar="NAME",
    help="User with the scope `monitor` only. Its password is the second one asked for.",
)
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input, the watcher's from the second.",
)
@click.option("--insecure", is_flag=True, help="Trust any certificate.")
@click.option("--fingerprint", metavar="SHA256", help="Trust this certificate only.")
@click.option(
    "--only",
    default="",
    metavar="CLAUSES",
    help="Check only these clauses and topics, separated by commas.",
)
@click.option(
    "--without", default="", metavar="CLAUSES", help="Leave out these clauses and topics."
)
@seconds_option("--lifetime", 1200, "Lifetime of a websocket token on this server.")
@seconds_option("--warning", 240, "Time between the expiry warning and the end of a session.")
@seconds_option("--patience", 60, "Longest wait of a clause; slower ones are not checked.")
@click.option("--quick", is_flag=True, help="Leave out clauses that need more than a few seconds.")
@click.option("--disturb", is_flag=True, help="Allow checks to skip tracks and stop a player.")
@click.option("--json", "json_file", type=FILE, metavar="FILE", help="Write the result as JSON.")
@click.option("--junit", "junit_file", type=FILE, metavar="FILE", help="Write it as JUnit XML.")
@click.option("--list", "list_clauses", is_flag=True, help="Print the clauses and exit.")
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
    list_clauses: bool,
) -> None:
    """Check the server at URL against the contract, clause by clause.

    The checker logs in, opens sockets, sends correct and incorrect messages, and pauses and resumes
    a player. The exit code is 0 only if every clause holds; a clause that is not checked counts as
    a failure. The checker stops at once if the server does not answer or refuses the login.
    """
    chosen = parse_clauses(only, without)
    console = Console()
    if list_clauses:
        for _, clause in chosen:
            console.write(f"{clause.number:6}{clause.text} ({clause.source})")
        return
    if url is None or not url.startswith(("https://", "http://")):
        fail(f"URL: expected https://… or http://…, found {url or 'nothing'}", exit_codes.USAGE)
    try:
        pinned = None if fingerprint is None else parse_fingerprint(fingerprint)
    except ValueError as problem:
        fail(f"--fingerprint: {problem}", exit_codes.USAGE)
    options = CheckOptions(
        owner=read_account(user, from_stdin=password_stdin),
        watcher=None if watcher is None else read_account(watcher, from_stdin=password_stdin),
        lifetime=lifetime,
        warning=warning,
        patience=QUICK if quick else patience,
        disturb=disturb,
    )
    if quick:
        chosen = [(topic, clause) for topic, clause in chosen if clause.wait(options) <= QUICK]
    trust = Trust(fingerprint=pinned, insecure=insecure)
    require_access(url, trust, options)
    table = VerdictTable(console)
    table.write_header()
    findings = asyncio.run(run_checks(url, trust, options, chosen, table.add))
    table.write_summary(findings)
    if json_file is not None:
        write_file(json_file, as_json(url, findings))
    if junit_file is not None:
        write_file(junit_file, as_junit(url, findings))
    if count(findings, Verdict.HOLDS) < len(findings):
        sys.exit(exit_codes.FAILED)


def parse_clauses(only: str, without: str) -> Chosen:
    """Return the clauses to check. An unknown name ends the command."""
    try:
        return choose(only, without)
    except ValueError as problem:
        fail(
            f"no clause or topic is named {str(problem)!r}; --list prints all clauses",
            exit_codes.USAGE,
        )


def read_account(name: str, *, from_stdin: bool) -> Account:
    """Return an account with its password from standard input or a prompt."""
    if from_stdin:
        return Account(name, read_password_line())
    require_terminal()
    return Account(name, ask_for_password(name))


def require_access(url: str, trust: Trust, options: CheckOptions) -> None:
    """End the command with one line if no clause can be checked."""
    accounts = [each for each in (options.owner, options.watcher) if each is not None]
    try:
        asyncio.run(check_access(url, trust, accounts))
    except ServerUnreachable as problem:
        fail(f"{url}: {problem}", exit_codes.UNREACHABLE)
    except CertificateNotTrusted as problem:
        fail(f"{url}: {problem}; use --fingerprint or --insecure to trust it", exit_codes.UNTRUSTED)
    except LoginRefused as problem:
        fail(str(problem), exit_codes.LOGIN)


def write_file(file: Path, content: bytes) -> None:
    """Write a report. A failure ends the command."""
    try:
        file.write_bytes(content)
    except OSError as problem:
        fail(f"{file}: {(problem.strerror or 'error').lower()}", exit_codes.FAILED)
