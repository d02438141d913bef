"""Agreement of the faults page, the threat model, the tests and the source files."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src/deskwire"
FAULTS = ROOT / "docs/reference/faults.md"
MODEL = ROOT / "docs/explanation/threat-model.md"
FIRST = "## Tokens and logins"
TESTS_OF_FAULTS = "tests/system/test_faults*.py"


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, found))


def rows(page: Path) -> dict[str, str]:
    """Return the rows of the tables below `## Tokens and logins`: first cell, other cells."""
    section = ""
    found: dict[str, str] = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line if found or line == FIRST else ""
        elif line.startswith("| ") and not line.startswith("| attack or"):
            first, _, rest = line.removeprefix("| ").partition(" | ")
            if section:
                found[f"{section}: {first}"] = rest
    return found


def named_tests() -> Iterator[tuple[str, str]]:
    for rest in rows(FAULTS).values():
        yield from re.findall(r"`([\w/.]+)::(\w+)`", rest)


def test_named_test_exists() -> None:
    named = list(named_tests())
    missing = [f"{file}::{name}" for file, name in named if name not in functions_of(file)]

    assert len(named) > 100
    assert missing == []


def test_row_names_at_least_one_test() -> None:
    assert [attack for attack, rest in rows(FAULTS).items() if "::test_" not in rest] == []


def test_fault_test_is_named_in_a_row() -> None:
    files = [str(path.relative_to(ROOT)) for path in ROOT.glob(TESTS_OF_FAULTS)]
    tests = {(file, name) for file in files for name in functions_of(file) if name[:5] == "test_"}

    assert len(files) > 5
    assert tests - set(named_tests()) == set()


def test_threat_model_and_faults_page_have_the_same_rows() -> None:
    assert list(rows(MODEL)) == list(rows(FAULTS))


def test_guard_file_exists() -> None:
    named = {file for rest in rows(MODEL).values() for file in re.findall(r"`([\w/]+\.py)`", rest)}
    missing = [file for file in named if not any((top / file).is_file() for top in (ROOT, SOURCES))]

    assert len(named) > 20
    assert missing == []
