"""The page for whoever writes a client leaves nothing out."""

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
from deskwire.protocol.base.codec import ACTIONS, AUTH, ERROR, SESSION_EXPIRING, STATS
from deskwire.protocol.base.stats import stats_schema
from deskwire.protocol.close_codes import CloseCode
from deskwire.server.http.problems import STATUS

PAGE = (Path(__file__).parents[1] / "docs/reference/protocol.md").read_text(encoding="utf-8")
NOT_OVER_HTTP = {OutOfScope}
ON_THE_SOCKET = (
    *(Malformed, UnknownEvent, UnknownPlayer, NotSupported),
    *(PlayerTimeout, PlayerError, OutOfScope, Throttled),
)
SECTIONS = dict(re.findall(r"^###? (.*?)$(.*?)(?=^###? |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def keys() -> list[str]:
    """Every key of `stats`, as the page writes it."""
    schemas = stats_schema()["$defs"]
    found = []
    for key, value in schemas["_Stats"]["properties"].items():
        inner = value.get("$ref", "").rsplit("/", 1)[-1]
        found += [f"{key}.{each}" for each in schemas[inner]["properties"]] if inner else [key]
    return found + list(schemas["_Player"]["properties"])


@pytest.mark.parametrize("key", keys())
def test_every_key_is_on_the_page(key: str) -> None:
    assert f"`{key}`" in SECTIONS["What the desk says"]


@pytest.mark.parametrize("event", [STATS, SESSION_EXPIRING, ERROR])
def test_everything_the_desk_says_is_on_the_page(event: str) -> None:
    assert f"#### `{event}`" in PAGE


@pytest.mark.parametrize("event", [AUTH, *ACTIONS])
def test_everything_one_may_say_is_on_the_page(event: str) -> None:
    assert f"| `{event}` |" in SECTIONS["What you may say"]


@pytest.mark.parametrize("code", list(CloseCode))
def test_every_close_code_has_its_duty(code: CloseCode) -> None:
    assert re.search(rf"^\| [\d, ]*{int(code)}[\d, ]* \|[^|]+\|[^|]+\|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(
    ("status", "code"),
    [(status, kind.code) for kind, status in STATUS.items() if kind not in NOT_OVER_HTTP],
)
def test_every_error_over_http_has_its_row(status: int, code: str) -> None:
    assert f"| {status} | `{code}` |" in SECTIONS["Errors over HTTP"]


@pytest.mark.parametrize("code", [problem.code for problem in ON_THE_SOCKET])
def test_every_error_on_the_socket_has_its_row(code: str) -> None:
    assert f"| `{code}` |" in SECTIONS["What the desk says"]


def test_every_ruling_that_a_clause_names_is_on_the_page() -> None:
    named = {
        int(number)
        for _, clause in every()
        for group in re.findall(r"rulings? ([\d, -]+)", clause.source)
        for number in re.findall(r"\d+", group)
    }

    assert named
    for number in named:
        assert f"\n| {number} | " in SECTIONS["The rulings"]


def test_what_quick_leaves_out_is_marked() -> None:
    page = (Path(__file__).parents[1] / "docs/reference/conformance.md").read_text("utf-8")

    for _, clause in every():
        (row,) = re.findall(rf"^\| {re.escape(clause.number)} \| .*$", page, re.MULTILINE)
        assert ("*Takes" in row) == (clause.lasts or clause.takes > QUICK)
