"""Completeness of docs/reference/protocol.md against the code, and citations of its sections."""

import re
from pathlib import Path

import pytest

from deskwire.cli.commands.conform import QUICK
from deskwire.conformance.clauses import every
from deskwire.model.problems import (
    Malformed,
    NotSupported,
    OutOfScope,
    PlayerError,
    PlayerTimeout,
    Throttled,
    UnknownEvent,
    UnknownPlayer,
)
from deskwire.protocol.base.codec import AUTH, COMMANDS, ERROR, SESSION_EXPIRING, STATS
from deskwire.protocol.base.stats import stats_schema
from deskwire.protocol.close_codes import CloseCode
from deskwire.server.http.problems import STATUS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reference/protocol.md").read_text(encoding="utf-8")
NOT_OVER_HTTP = {OutOfScope}
ON_THE_SOCKET = (
    *(Malformed, UnknownEvent, UnknownPlayer, NotSupported),
    *(PlayerTimeout, PlayerError, OutOfScope, Throttled),
)
ANCHOR = re.compile(r'^<a id="([\w-]+)"></a>$', re.MULTILINE)
ANCHORS = frozenset(ANCHOR.findall(PAGE))
CITING = ("src/**/*.py", "tests/**/*.py", "docs/**/*.md", "*.md")


def section(anchor: str) -> str:
    """Return the text from an anchor to the next heading of the same or a higher level."""
    _, _, text = PAGE.partition(f'<a id="{anchor}"></a>\n')
    level = len(text) - len(text.lstrip("#"))
    end = re.search(rf"\n#{{1,{level}}} ", text)
    return text[: end.start()] if end else text


def keys() -> list[str]:
    """Return all keys of `stats` in the notation of the page."""
    schemas = stats_schema()["$defs"]
    found = []
    for key, value in schemas["_Stats"]["properties"].items():
        inner = value.get("$ref", "").rsplit("/", 1)[-1]
        found += [f"{key}.{each}" for each in schemas[inner]["properties"]] if inner else [key]
    return found + list(schemas["_Player"]["properties"])


@pytest.mark.parametrize("key", keys())
def test_stats_key_is_on_the_page(key: str) -> None:
    assert f"`{key}`" in section("stats")


@pytest.mark.parametrize("event", [STATS, SESSION_EXPIRING, ERROR])
def test_server_event_has_a_section(event: str) -> None:
    assert re.search(rf"^### 5\.\d `{event}`$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("event", [AUTH, *COMMANDS])
def test_client_event_has_a_row(event: str) -> None:
    assert f"| `{event}` |" in section("commands")


@pytest.mark.parametrize("code", list(CloseCode))
def test_close_code_has_a_meaning_and_an_action(code: CloseCode) -> None:
    row = rf"^\| [\d, ]*{int(code)}[\d, ]* \|[^|]+\|[^|]+\|$"
    assert re.search(row, section("close-codes"), re.MULTILINE)


@pytest.mark.parametrize(
    ("status", "code"),
    [(status, kind.code) for kind, status in STATUS.items() if kind not in NOT_OVER_HTTP],
)
def test_http_error_has_a_row(status: int, code: str) -> None:
    assert f"| {status} | `{code}` |" in section("http-errors")


@pytest.mark.parametrize("code", [problem.code for problem in ON_THE_SOCKET])
def test_socket_error_has_a_row(code: str) -> None:
    assert f"| `{code}` |" in section("error")


def test_anchor_is_unique_and_stands_before_a_heading() -> None:
    lines = PAGE.splitlines()
    marked = [number for number, line in enumerate(lines) if ANCHOR.match(line)]

    assert len(marked) == len(ANCHORS)
    assert all(lines[number + 1].startswith("##") for number in marked)


def test_citation_of_the_protocol_names_a_section() -> None:
    cited = [
        (str(path.relative_to(ROOT)), anchor)
        for pattern in CITING
        for path in ROOT.glob(pattern)
        for anchor in re.findall(r"protocol\.md#([\w-]+)", path.read_text(encoding="utf-8"))
    ]

    assert len(cited) > 100
    assert [each for each in cited if each[1] not in ANCHORS] == []


def test_clause_cites_the_protocol_or_an_rfc() -> None:
    for _, clause in every():
        assert re.match(r"(protocol|deskwire-v1)\.md#|RFC \d+", clause.source), clause.number


def test_slow_clause_is_marked_with_its_duration() -> None:
    page = (ROOT / "docs/reference/conformance.md").read_text(encoding="utf-8")

    for _, clause in every():
        (row,) = re.findall(rf"^\| {re.escape(clause.number)} \| .*$", page, re.MULTILINE)
        assert ("*Takes" in row) == (clause.needs_whole_session or clause.takes > QUICK)
