"""docs/reference/faults.md names tests; each of them has to be there."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/reference/faults.md"


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, found))


def rows() -> list[str]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("| ") and "held by" not in line]


def test_every_test_that_is_said_to_hold_a_row_is_there() -> None:
    named = [pair for row in rows() for pair in re.findall(r"`([\w/.]+)::(\w+)`", row)]
    missing = [f"{file}::{name}" for file, name in named if name not in functions_of(file)]

    assert len(named) > 100
    assert missing == []


def test_a_row_without_a_test_says_so() -> None:
    bare = [row for row in rows() if "::" not in row]

    assert all(row.endswith("| no test yet |") for row in bare)
